import BuildProtocol
import Testing

@Suite struct NamesTests {
    static let bad: [(name: String, complaint: String)] = [
        ("", "is empty"),
        ("..", "must begin with a letter or a digit"),
        (".hidden", "must begin with a letter or a digit"),
        ("-rf", "must begin with a letter or a digit"),
        ("_x", "must begin with a letter or a digit"),
        ("a/b", "contains '/'"),
        ("../../etc/passwd", "contains '/'"),
        ("a\\b", "contains '\\'"),
        ("a\nb", "contains '\\u{a}'"),
        ("a\0b", "contains '\\u{0}'"),
        ("a\u{7F}", "contains '\\u{7f}'"),
        ("a b", "contains ' '"),
        ("a;b", "contains ';'"),
        ("$(id)", "contains '$'"),
        ("\u{5FAE}\u{8F6F}", "contains '\u{5FAE}'"),
        ("win\u{1F600}", "contains '\u{1F600}'"),
        ("e\u{301}", "contains '\u{301}'"),
        ("\u{FF41}", "contains '\u{FF41}'"),
        (String(repeating: "a", count: 300), "has 300 bytes; at most 128 are allowed"),
    ]

    @Test(arguments: bad)
    func whatIsNoNameIsRefusedWithTheReason(_ name: String, _ complaint: String) throws {
        let problem = try #require(Names.problem(name, what: "name of the host"))
        #expect(problem.contains(complaint), "\(problem)")
        #expect(problem.contains("the name of the host"), "\(problem)")
        #expect(!problem.contains("\n") && !problem.contains("\0"), "a log line stays one")
        #expect(problem.utf8.count < 400)
    }

    @Test(arguments: ["a", "7", "debian12", "Win-2022_core.1", String(repeating: "a", count: 128)])
    func whatIsANameIsTaken(_ name: String) {
        #expect(Names.problem(name) == nil)
    }

    @Test(arguments: [
        "", ".", "..", ".hidden", "a/b", "/a", "a\nb", "a\0b", "a\u{7F}",
        String(repeating: "a", count: 256),
    ])
    func whatIsNoFileName(_ name: String) { #expect(!Names.isFileName(name)) }

    @Test(arguments: [
        "disk.qcow2", "a b", "\u{5FAE}\u{8F6F}.vhd", "\u{1F600}", "-", "a..b",
        String(repeating: "a", count: 255),
    ])
    func whatIsAFileName(_ name: String) { #expect(Names.isFileName(name)) }

    @Test(arguments: [
        "", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/", "a\nb", "a\0b",
        String(repeating: "a/", count: 512) + "a",
    ])
    func whatLeavesItsFolderIsNoInnerPath(_ path: String) { #expect(!Names.isInnerPath(path)) }

    @Test(arguments: ["a", "a/b/c.json", "..a/b..", ".git", "\u{5FAE}/x"])
    func whatStaysInItsFolderIsAnInnerPath(_ path: String) { #expect(Names.isInnerPath(path)) }

    @Test func digestsAreLowerCaseHexadecimal() {
        #expect(Names.isSHA256(String(repeating: "0f", count: 32)))
        for bad in [
            "", String(repeating: "0F", count: 32), String(repeating: "0", count: 63),
            String(repeating: "0", count: 65), String(repeating: "g", count: 64),
        ] {
            #expect(!Names.isSHA256(bad), "\(bad)")
        }
    }

    @Test func tokensAreThirtyTwoHexadecimalDigits() throws {
        let token = AttemptToken(high: 0xAB, low: .max)
        #expect(token.text == "00000000000000abffffffffffffffff")
        #expect(AttemptToken(token.text) == token)
        for bad in [
            "", "..", token.text.uppercased(), token.text + "0", "/" + token.text.dropFirst(),
        ] {
            #expect(AttemptToken(bad) == nil, "\(bad)")
        }
        #expect(AttemptToken(high: 0, low: 1) < AttemptToken(high: 1, low: 0))
    }

    @Test func whatIsQuotedIsVisibleAndShort() {
        #expect(Names.quoted("a\u{1B}[31m\nb\0") == "'a\\u{1b}[31m\\u{a}b\\u{0}'")
        #expect(Names.quoted(String(repeating: "\u{1F600}", count: 300)).utf8.count == 202)
    }

    @Test func textIsCutBetweenCharacters() {
        #expect("abc".prefixOfUTF8(3) == "abc")
        #expect("ab\u{E9}".prefixOfUTF8(3) == "ab")
        #expect("\u{1F600}x".prefixOfUTF8(3) == "")
        #expect("e\u{301}x".prefixOfUTF8(2) == "")
        #expect(
            Fault(.template, .packerFailed, String(repeating: "x", count: 1 << 20)).reason.utf8
                .count == ProtocolLimits.reasonBytes)
    }
}
