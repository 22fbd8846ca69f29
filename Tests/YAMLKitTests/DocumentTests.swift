import Testing
import YAMLKit

@Suite struct DocumentTests {
    private func parse(_ text: String) throws(YAMLError) -> YAMLNode {
        try YAMLDocument.parse(Array(text.utf8), file: "a.yml")
    }

    private func message(_ bytes: [UInt8]) -> String {
        do throws(YAMLError) {
            _ = try YAMLDocument.parse(bytes, file: "a.yml")
            return "no error"
        } catch {
            return error.description
        }
    }

    private func message(_ text: String) -> String { message(Array(text.utf8)) }

    @Test("Every value has its line and column, counted in characters") func places() throws {
        let root = try parse("# first\nname: ubuntu\nlist:\n  - a\n  - äö: \"b\"\n")
        guard case .mapping(let entries) = root.content else {
            Issue.record("no mapping")
            return
        }
        #expect(entries.map(\.key) == ["name", "list"])
        #expect(entries[0].line == 2 && entries[0].column == 1)
        #expect(entries[0].value.line == 2 && entries[0].value.column == 7)
        #expect(entries[0].value.content == .scalar("ubuntu", isPlain: true))
        guard case .sequence(let items) = entries[1].value.content,
            case .mapping(let inner) = items[1].content
        else {
            Issue.record("no list with a mapping")
            return
        }
        #expect(inner[0].value.line == 5 && inner[0].value.column == 9)
        #expect(inner[0].value.content == .scalar("b", isPlain: false))
    }

    @Test("A document without content is null") func empty() throws {
        for text in ["", "\n\n", "# only a comment\n", "---\n", "~", "\u{FEFF}"] {
            #expect(try parse(text).isNull, "\(text)")
        }
        #expect(try !parse("''").isNull)
    }

    @Test("A byte order mark is skipped") func byteOrderMark() throws {
        let root = try parse("\u{FEFF}a: 1\n")
        guard case .mapping(let entries) = root.content else {
            Issue.record("no mapping")
            return
        }
        #expect(entries[0].key == "a" && entries[0].column == 1)
    }

    @Test("What is not allowed is an error with its place") func forbidden() {
        let cases: [(String, String)] = [
            ("a: 1\nb: 2\na: 3\n", "a.yml:3:1: duplicate key 'a', first in line 1"),
            (
                "a: &x 1\nb: *x\n",
                "a.yml:2:4: aliases such as '*x' are not supported; write the value out"
            ),
            ("a: !!python/object x\n", "is not supported; remove it"),
            ("a: 1\n---\nb: 2\n", "a.yml:2:1: a second document begins here; only one is allowed"),
            ("? [a, b]\n: c\n", "a.yml:1:3: a key must be a plain word"),
            ("'': c\n", "a.yml:1:1: a key must be a plain word"),
            ("a:\n\tb: 1\n", "this is a tab: indent with spaces"),
            ("a: [1, 2\n", "a.yml:2:1: "),
            ("a: 'x\n", "a.yml:2:1: "),
            ("a: b: c\n", "a.yml:1:5: mapping values are not allowed in this context"),
            ("a: \u{1}\n", "a.yml:1:4: control characters are not allowed"),
            ("ä: \u{7F}\n", "a.yml:1:4: control characters are not allowed"),
        ]
        for (text, expected) in cases {
            let found = message(text)
            #expect(found.contains(expected), "\(text.debugDescription): \(found)")
        }
    }

    @Test("A file that is not UTF-8 is refused with the byte that shows it")
    func encodings() {
        #expect(
            message(Array("é: 1\nb: ".utf8) + [0xFF, 0x0A])
                == "a.yml:2:4: this byte is not UTF-8; save the file as UTF-8")
        #expect(message([0xFF, 0xFE, 0x61, 0x00]).hasSuffix("is UTF-16; save it as UTF-8"))
        // Overlong and surrogate forms are not UTF-8 either.
        #expect(message([0xC0, 0xAF]).contains("not UTF-8"))
        #expect(message([0xED, 0xA0, 0x80]).contains("not UTF-8"))
        #expect(message(Array("a: ".utf8) + [0]).contains("control characters"))
    }

    @Test("Size, depth and number of values are bounded") func bounds() throws {
        let tooLong = [UInt8](repeating: 0x23, count: YAMLLimits.documentBytes + 1)
        #expect(message(tooLong).contains("at most 1048576 are allowed"))
        let depth = YAMLLimits.depth
        let deepest =
            String(repeating: "[", count: depth - 1) + "x"
            + String(repeating: "]", count: depth - 1)
        #expect(throws: Never.self) { try parse(deepest) }
        #expect(message("[" + deepest + "]").contains("nested more than 64 levels deep"))
        let brackets = String(repeating: "[", count: YAMLLimits.documentBytes)
        #expect(message(brackets).contains("nested more than 64 levels deep"))
        let dashes = String(repeating: "- ", count: YAMLLimits.documentBytes / 2)
        #expect(message(dashes).contains("nested more than 64 levels deep"))
        let many = "[" + String(repeating: "a,", count: YAMLLimits.nodes) + "]"
        #expect(message(many).contains("more than 100000 values"))
    }

    @Test("Aliases are refused before they can grow") func billionLaughs() {
        var text = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n"
        for level in 1...9 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ",")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(message(text).hasPrefix("a.yml:2:10: aliases such as '*a0' are not supported"))
    }

    /// Whatever a file holds, the answer is a tree or an error.
    @Test("A broken document gives a tree or an error, and never a crash") func fuzzing() {
        let seed = Array("a: [1, {b: 'c'}]\nd: |\n  x\n  y\n? e\n: \"f\\u00e9\"\n- - g\n".utf8)
        let noise = Array("\0\t\n :-?[]{}&*!|>'\"%@`#,\\".utf8) + [0x80, 0xC3, 0xFF]
        var random = SplitMix(state: 20_181_128)
        for _ in 0..<3000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = noise.randomElement(using: &random) ?? 0
                case 1: bytes.insert(noise.randomElement(using: &random) ?? 0, at: at)
                default: bytes.remove(at: at)
                }
            }
            _ = message(bytes)
        }
    }

    @Test("A file that cannot be read is named in the error") func unreadable() {
        let error = #expect(throws: YAMLError.self) {
            try YAMLDocument.load("/no/such/file.yml")
        }
        #expect(error?.description.contains("/no/such/file.yml") == true)
        #expect(error?.description.contains("No such file") == true)
    }
}

/// The same documents in every run, so that a failure comes back.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
