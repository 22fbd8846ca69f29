import FoundationEssentials
import Support
import Testing
import TextKit

@testable import aibuild

@Suite("Terminal output") struct OutputTests {
    private static let escape = "\u{1B}"

    @Test(
        "Untrusted text is reduced to text on one line",
        arguments: [
            ("plain ü 日本", "plain ü 日本"),
            ("\(escape)[31mred\(escape)[0m", "red"),
            ("\(escape)[2J\(escape)[1;1Hgone", "gone"),
            ("\(escape)]0;title\u{7}text", "text"),
            ("\(escape)]52;c;ZXZpbA==\(escape)\\text", "text"),
            ("\(escape)]8;;http://evil\(escape)\\link", "link"),
            ("\(escape)P1$r0m\(escape)\\x", "x"),
            ("\(escape)[?1049hx\(escape)[6n", "x"),
            ("\(escape)(0lqk\(escape)c.", "lqk."),
            ("a\u{9B}31mb\u{85}c", "abc"),
            ("10 %\r20 %\r30 %\r\n", "30 %"),
            ("a\tb\u{8}\u{0}\u{7F}c", "a       c"),
            ("ok\u{202E}gpj.exe", "ok\\u{202e}gpj.exe"),
            ("\(escape)", ""), ("\(escape)[", ""), ("\(escape)[31", ""),
            ("\(escape)]0;never ends", ""),
            ("\(escape)[\u{7}x", "x"),
        ])
    func keepsTextOnly(text: String, shown: String) {
        #expect(SafeText.line(text) == shown)
    }

    @Test("Colours are kept if asked for, and end with the line") func keepsColours() {
        let red = "\(Self.escape)[1;31m"
        let reset = "\(Self.escape)[0m"
        #expect(SafeText.line("\(red)x", colours: true) == "\(red)x\(reset)")
        // As on a terminal, a colour lasts until it is reset.
        #expect(SafeText.line("\(red)x\ry", colours: true) == "\(red)y\(reset)")
        #expect(SafeText.line("\(red)x\(reset)\ry", colours: true) == "y")
        for text in ["\(Self.escape)[>4;2m", "\(Self.escape)[?4m", "\(Self.escape)[31 m"] {
            #expect(SafeText.line(text + "x", colours: true) == "x")
        }
        let endless = "\(Self.escape)[" + String(repeating: "1;", count: 10_000) + "mx"
        #expect(SafeText.line(endless, colours: true) == "x")
    }

    @Test("A table fits the terminal and is whole elsewhere") func fitsTables() {
        let style = Style(
            console: TestConsole().console(isTerminal: false), variables: [:])
        var table = Table("NAME", "WHY")
        table.add(.init("a"), .init(String(repeating: "long ", count: 30)))
        table.add(.init("b\u{1B}[2J"), .init(""))
        let cut = table.text(style, width: 40).split(separator: "\n")
        #expect(cut[0] == "NAME  WHY")
        #expect(cut[1].count == 40 && cut[1].hasSuffix("…"))
        #expect(cut[2] == "b")
        #expect(table.text(style, width: nil).contains(String(repeating: "long ", count: 29)))
    }

    @Test("On a narrow terminal columns of least worth are left out, and named")
    func dropsColumns() {
        let style = Style(console: TestConsole().console(isTerminal: false), variables: [:])
        var table = Table("BUILD", "HOST", "STATE", "DETAIL", spare: ["HOST"])
        table.add(
            .init("debian12:7"), .init("kvm1.example.org"), .init("building"),
            .init(String(repeating: "long ", count: 30)))
        table.add(.init("\u{955C}\u{50CF}:1"), .init("h"), .init("passed"), .init("y"))
        #expect(!table.text(style, width: 60).contains("Not shown"))
        let narrow = table.text(style, width: 45).split(separator: "\n")
        #expect(narrow[0] == "BUILD       STATE     DETAIL")
        #expect(narrow[1].count == 45 && narrow[1].hasSuffix("…"))
        // Each of these characters takes two columns.
        #expect(narrow[2] == "\u{955C}\u{50CF}:1      passed    y")
        #expect(narrow[3] == "Not shown for lack of room: HOST")
        for width in 24...60 {
            for line in table.text(style, width: width).split(separator: "\n").dropLast() {
                #expect(Columns.count(String(line)) <= width, "\(width)")
            }
        }
        #expect(!table.text(style, width: nil).contains("Not shown"))
    }

    @Test("Only terminals get colours, and NO_COLOR is honoured") func coloursTerminalsOnly() {
        func style(_ terminal: Bool, _ variables: [String: String]) -> Bool {
            Style(console: TestConsole().console(isTerminal: terminal), variables: variables)
                .isColoured
        }
        #expect(style(true, [:]))
        #expect(!style(false, [:]))
        #expect(!style(true, ["NO_COLOR": ""]))
        #expect(!style(true, ["TERM": "dumb"]))
    }

    @Test(
        "Byte counts are rounded to a readable unit",
        arguments: [
            (nil, "-"), (1536, "1.5 KiB"),
        ] as [(Int64?, String)])
    func writesBytes(count: Int64?, text: String) {
        #expect(Format.bytes(count) == text)
    }

    @Test(
        "Durations show at most two units",
        arguments: [
            (0, "0 s"), (59.6, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (7500, "2 h 5 min"),
            (3605, "1 h"), (90061, "1 d 1 h"), (-5, "0 s"), (-.infinity, "0 s"),
            (.infinity, "-"), (.nan, "-"), (1.7e9, "-"), (9e8, "10416 d 16 h"),
        ])
    func writesDurations(seconds: Double, text: String) {
        #expect(Format.duration(seconds) == text)
    }

    @Test("Times are read with and without fractions") func readsTimes() {
        let now = Date(timeIntervalSince1970: 1_763_718_060)
        #expect(Format.age("2025-11-21T09:40:00.000Z", now: now) == "1 min ago")
        #expect(Format.age("2025-11-21T09:40:00Z", now: now) == "1 min ago")
        #expect(Format.age("2025-11-21T09:41:00Z", now: now) == "now")
        #expect(Format.age(nil, now: now) == "-")
        // A row without a date.
        for text in ["1970-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"] {
            #expect(Format.age(text, now: now) == "-" && Format.time(text) == "-", "\(text)")
            #expect(Format.seconds(from: text, to: now) == nil)
        }
        #expect(Format.seconds(from: "2025-11-21T09:40:00Z", to: now) == 60)
        #expect(Format.time("no time") == "no time")
        #expect(Format.time("2025-11-21T09:40:00Z").hasSuffix(":00"))
    }

    @Test(
        "Of a reason, one line has the first one and what that announces",
        arguments: [
            ("it broke\nmore", "it broke"), ("", ""), ("no:", "no"), ("no:\n \n", "no"),
            ("Packer says:\n\n  Error: x\ny", "Packer says: Error: x"),
            ("the case failed; its log ends:\nup after 8 s\nwrong", "the case failed"),
        ])
    func headline(_ reason: String, _ line: String) {
        #expect(Headline.of(reason) == line)
    }
}
