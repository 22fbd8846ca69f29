import FoundationEssentials
import ProcessKit
import Support
import Testing

/// `terminal.js` shows lines as TextKit's `TerminalLine` does. Run by Node.js.
@Suite("Lines on the web page") struct TerminalScriptTests {
    private static let script =
        Files.folder(of: Files.folder(of: Files.folder(of: #filePath)))
        + "/Coordinator/API/Pages/Assets/terminal.js"

    private struct Run: Decodable, Equatable {
        struct Style: Decodable, Equatable {
            var color, background: String?
            var bold, underline, inverse: Bool?
        }
        var text: String
        var style: Style
    }

    /// The runs of lines that are written in one piece, and character by character.
    private func runs(_ texts: [String]) async throws -> [[Run]] {
        let program = """
            const { TerminalLine } = require(process.argv[1]);
            const runs = (text, pieces) => {
              const line = new TerminalLine();
              for (const piece of pieces(text)) line.write(piece);
              return line.runs;
            };
            const texts = JSON.parse(process.argv[2]);
            const whole = texts.map(text => runs(text, t => [t]));
            const cut = texts.map(text => runs(text, t => [...t]));
            if (JSON.stringify(whole) !== JSON.stringify(cut)) throw new Error("pieces differ");
            console.log(JSON.stringify(whole));
            """
        let argument = String(decoding: try JSONEncoder().encode(texts), as: UTF8.self)
        let result = try await Command(
            ["node", "-e", program, Self.script, argument], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        try #require(result.status.isSuccess, "\(result.stderrText)")
        return try JSONDecoder().decode([[Run]].self, from: Data(result.stdout))
    }

    @Test("What overwrites, overwrites; what steers a terminal is left out") func shows()
        async throws
    {
        let e = "\u{1B}"
        let cases = [
            ("backspace abc\u{8}\u{8}\u{8}xyz", "backspace xyz"), ("long text\rab", "abng text"),
            ("\(e)[2K\(e)[1Goverwritten\r\(e)[Kkept", "kept"),
            ("section_start:1700000000:x\r\(e)[0Khead", "head"),
            ("\(e)]8;;https://example.org/a\u{7}a link\(e)]8;;\u{7}", "a link"),
            ("\(e)]0;window title\(e)\\text", "text"),
            ("\(e)]0;never ends \(e)[31mred", "red"),
            ("a\(e)[5Cb", "a     b"), ("abc\(e)[2DX", "aXc"), ("abcdef\r\(e)[2Pcut", "cutf"),
            ("abc\r\(e)[2Xx", "x c"), ("ab\(e)[1Kc", "  c"),
            ("a\u{202E}b\u{202C}, \u{2028}", "a\\u{202e}b\\u{202c}, \\u{2028}"),
            ("NUL \u{0} end", "NUL  end"), ("a\u{9B}31mb\u{85}c", "abc"), ("日本\r年", "年本"),
        ]
        let shown = try await runs(cases.map(\.0)).map { $0.map(\.text).joined() }
        #expect(shown == cases.map(\.1))
    }

    @Test("Colours of the palette, true colours and attributes are kept") func colours()
        async throws
    {
        let e = "\u{1B}"
        let runs = try await runs([
            "\(e)[38;5;31mx", "\(e)[38;2;0;31;0mx", "\(e)[38:2::1:2:3mx", "\(e)[48;5;244mx",
            "\(e)[1;4;7mx", "\(e)[31mx\(e)[39my", "\(e)[38;5;31;1mx\(e)[0my",
        ])
        #expect(runs[0].map(\.style.color) == ["rgb(0,135,175)"])
        #expect(runs[1].map(\.style.color) == ["rgb(0,31,0)"])
        #expect(runs[2].map(\.style.color) == ["rgb(1,2,3)"])
        #expect(runs[3].map(\.style.background) == ["rgb(128,128,128)"])
        #expect(runs[4][0].style == .init(bold: true, underline: true, inverse: true))
        #expect(runs[5].map(\.style.color) == ["#f66", ""])
        #expect(runs[6].map(\.style.bold) == [true, nil])
    }
}
