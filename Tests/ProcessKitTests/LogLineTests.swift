import FoundationEssentials
@testable import Support
import Testing

/// The lines of a daemon's own log.
@Suite("Log lines") struct LogLineTests {
    private func line(
        _ message: String, _ ids: LogIDs = LogIDs(), _ format: LogFormat = .logfmt,
        toJournal: Bool = true
    ) -> String {
        Logger.line(.warning, "builds", ids, message, format, toJournal: toJournal)
    }

    @Test("A line has its level, what it is about, and the message")
    func logfmt() {
        let ids = LogIDs(build: "b1", attempt: "a1", host: "kvm 1", request: "r1")
        #expect(
            line("lost: \"x\"", ids)
                == "<4>level=warning component=builds build=b1 attempt=a1 host=\"kvm 1\" "
                + "request=r1 msg=\"lost: \\\"x\\\"\"\n")
        #expect(line("done") == "<4>level=warning component=builds msg=done\n")
        let elsewhere = line("done", toJournal: false)
        #expect(elsewhere.contains(#/^level=warning time=20\d\d-\d\d-\d\dT[\d:.]+Z component=/#))
    }

    @Test("JSON has the same keys, whatever a value is")
    func json() throws {
        let text = line("a\n\"b\"\\ \u{1b}[31m\u{202e}\u{e0001}", LogIDs(host: "kvm1"), .json)
        let object = try JSONDecoder().decode(
            [String: String].self, from: Data(text.dropFirst(3).utf8))
        #expect(
            object == [
                "level": "warning", "component": "builds", "host": "kvm1",
                "msg": "a\n\"b\"\\ \u{1b}[31m\u{202e}\u{e0001}",
            ])
    }

    @Test(
        "Nothing that a stranger sends begins another line, another key or an escape sequence",
        arguments: LogFormat.allCases)
    func injection(format: LogFormat) {
        for hostile in [
            "x\nlevel=error component=builds msg=forged", "x\r\nfoo", "x\" build=forged \"",
            "x\\\" build=forged", "x=y build=forged", "\u{1b}[2J", "\u{9b}2J", "\u{2028}x",
            "\u{202e}x", "\0x", "", "=", "\\", "\"", "\u{85}x",
        ] {
            let text = line(hostile, LogIDs(build: hostile, host: hostile), format)
            #expect(text.utf8.filter { $0 == 0x0A }.count == 1 && text.hasSuffix("\n"))
            #expect(!text.dropLast().unicodeScalars.contains { $0.isOdd }, "\(text)")
            let keys =
                format == .json
                ? #/"(\w+)":"(?:[^"\\]|\\.)*"/# : #/(\w+)=(?:"(?:[^"\\]|\\.)*"|[^ "=\\]+)(?: |\n)/#
            let found = text.dropFirst(3).matches(of: keys).map { String($0.1) }
            #expect(found == ["level", "component", "build", "host", "msg"], "\(text)")
        }
    }

    @Test("A line is bounded, however long its values are")
    func bounded() {
        for character in ["x", "\"", "\u{1b}", "\u{e0001}", "é"] {
            let long = String(repeating: character, count: 100_000)
            let text = line(long, LogIDs(build: long, attempt: long, host: long, request: long))
            #expect(text.utf8.count < 12 << 10, "\(character.unicodeScalars)")
        }
    }

    @Test("What a task does carries its IDs, and what is known better replaces them")
    func taskLocal() async {
        let logger = Logger("x", LogIDs(host: "kvm1")).about(LogIDs(build: "b"))
        await LogIDs.$current.withValue(LogIDs(build: "a", request: "r")) {
            let inner = await Task { LogIDs.current }.value
            #expect(inner == LogIDs(build: "a", request: "r"))
            #expect(
                LogIDs.current.with(logger.ids)
                    == LogIDs(build: "b", host: "kvm1", request: "r"))
        }
    }
}

extension Unicode.Scalar {
    fileprivate var isOdd: Bool {
        [.control, .format, .lineSeparator, .paragraphSeparator]
            .contains(properties.generalCategory)
    }
}
