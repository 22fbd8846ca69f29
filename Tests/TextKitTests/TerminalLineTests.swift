import TextKit
import Testing

@Suite("Lines as a terminal shows them") struct TerminalLineTests {
    private static let escape = "\u{1B}"

    @Test(
        "What overwrites, overwrites; what steers a terminal is left out",
        arguments: [
            ("plain ü 日本", "plain ü 日本"),
            ("backspace abc\u{8}\u{8}\u{8}xyz", "backspace xyz"),
            ("\u{8}\u{8}x", "x"),
            ("long text\rab", "abng text"),
            ("\(escape)[2K\(escape)[1Goverwritten\r\(escape)[Kkept", "kept"),
            ("section_start:1700000000:x\r\(escape)[0Khead", "head"),
            ("\(escape)]8;;https://example.org/a\u{7}a link\(escape)]8;;\u{7}", "a link"),
            ("\(escape)]0;window title\(escape)\\text", "text"),
            ("\(escape)]0;never ends \(escape)[31mred", "red"),
            ("\(escape)[38;5;31mblue\(escape)[0m", "blue"),
            ("\(escape)[38:2::1:2:3mtrue", "true"),
            ("a\(escape)[5Cb", "a     b"), ("abc\(escape)[2DX", "aXc"),
            ("abcdef\r\(escape)[2Pcut", "cutf"), ("abc\r\(escape)[2Xx", "x c"),
            ("ab\(escape)[1Kc", "  c"), ("abc\(escape)[2J\(escape)[1;1Hgone", "gone"),
            ("log\(escape)[2J", "log"),
            ("a\u{202E}b\u{202C}, \u{2028}", "a\\u{202e}b\\u{202c}, \\u{2028}"),
            ("e\u{301}\u{8}x", "x"), ("NUL \u{0} end", "NUL  end"),
            ("\(escape)[999999999Cx", String(repeating: " ", count: 4096) + "x"),
        ])
    func shows(text: String, shown: String) {
        var line = TerminalLine()
        line.write(text)
        #expect(line.plain() == shown)
        // Cut anywhere, it is the same.
        var pieces = TerminalLine()
        for scalar in text.unicodeScalars { pieces.write(String(scalar)) }
        #expect(pieces.plain() == shown)
    }

    @Test("Colours are kept until they are reset") func colours() {
        var line = TerminalLine()
        line.write("a\(Self.escape)[1m\(Self.escape)[38;5;31mb\(Self.escape)[0mc")
        #expect(
            line.coloured()
                == "a\(Self.escape)[1m\(Self.escape)[38;5;31mb\(Self.escape)[0mc")
        for index in 0..<1000 { line.write("\(Self.escape)[38;5;\(index % 256)m") }
        line.write("x")
        #expect(line.coloured().utf8.count < 400)
    }

    @Test("What changed since the last look is known") func changes() {
        var line = TerminalLine()
        line.write("10 %")
        line.mark()
        line.write("!")
        #expect(line.changedFrom == 4 && !line.isOverwritten)
        line.write("\r2")
        #expect(line.changedFrom == 0 && line.isOverwritten)
        #expect(line.plain(from: 1, limit: 2) == "0 ")
    }

    @Test("Combining marks without end do not grow a character without end") func marks() {
        var line = TerminalLine()
        line.write("e" + String(repeating: "\u{301}", count: 10_000))
        #expect(line.plain().utf8.count <= 66)
    }

    private static func styles(_ text: String) -> [TerminalStyle] {
        var line = TerminalLine()
        line.write(text)
        return line.runs().map(\.style)
    }

    @Test(
        "A colour is known by its name or its red, green and blue",
        arguments: [
            ("[31m", "red"), ("[91m", "brightRed"), ("[38;5;3m", "yellow"),
            ("[38;5;31m", "#0087af"), ("[38;5;244m", "#808080"), ("[38;2;0;31;0m", "#001f00"),
            ("[38:2::1:2:3m", "#010203"), ("[38:2:1:2:3m", "#010203"), ("[38;5;999m", nil),
            ("[38;2;999;0;0m", "#ff0000"), ("[38m", nil), ("[31m\u{1B}[39m", nil),
            ("[31m\u{1B}[0m", nil), ("[38;5;31;1m", "#0087af"), ("[99999999999999999999m", nil),
        ])
    func colourNames(sequence: String, name: String?) {
        #expect(Self.styles(Self.escape + sequence + "x").map(\.color?.text) == [name])
    }

    @Test("Attributes and backgrounds are kept by the run, and end where they are ended")
    func attributes() {
        let styles = Self.styles(
            "\(Self.escape)[1;2;3;4;7;9;44ma\(Self.escape)[22;23;24;27;29;49mb\(Self.escape)[103mc")
        var all = TerminalStyle()
        (all.isBold, all.isFaint, all.isItalic) = (true, true, true)
        (all.isUnderlined, all.isInverse, all.isStruck) = (true, true, true)
        all.background = .named(4)
        #expect(styles.first == all)
        #expect(styles.dropFirst().first == TerminalStyle())
        #expect(styles.last?.background?.text == "brightYellow" && styles.count == 3)
    }
}
