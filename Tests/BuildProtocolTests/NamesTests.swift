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

    @Test(
        "A bad name is refused with the reason, in one short line",
        arguments: bad)
    func badNames(_ name: String, _ complaint: String) throws {
        let problem = try #require(Names.problem(name, what: "name of the host"))
        #expect(problem.contains(complaint), "\(problem)")
        #expect(problem.contains("the name of the host"), "\(problem)")
        #expect(!problem.contains("\n") && !problem.contains("\0"), "a log line stays one")
        #expect(problem.utf8.count < 400)
    }

    @Test(
        "A good name is accepted",
        arguments: ["a", "7", "debian12", "Win-2022_core.1", String(repeating: "a", count: 128)])
    func goodNames(_ name: String) {
        #expect(Names.problem(name) == nil)
    }

    @Test(
        "The name of a guest OS or environment may be of any script",
        arguments: ["北京", "prod-北京", "镜像7.5", "Москва_1", "Zürich", "ไทย", "debian12", "东京2号"])
    func registeredNames(_ name: String) {
        #expect(Names.registeredProblem(name) == nil)
        let file = Names.fileName(of: name)
        #expect(Names.problem(file) == nil, "\(file)")
        #expect(file == Names.fileName(of: name))
    }

    @Test("Two names never share a file name, and a plain name keeps its own")
    func fileNames() {
        let names = ["北京", "上海", "prod-北京", "prod-上海", "prod", "a b", "a.b", "a/b", "../x", ""]
        #expect(Set(names.map { Names.fileName(of: $0) }).count == names.count)
        #expect(Names.fileName(of: "Win-2022_core.1") == "Win-2022_core.1")
        #expect(Names.fileName(of: "prod-北京").hasPrefix("prod-"))
        #expect(Names.problem(Names.fileName(of: String(repeating: "长", count: 42))) == nil)
    }

    @Test(
        "What a name of any script may not be is refused",
        arguments: bad.filter { !["\u{5FAE}\u{8F6F}"].contains($0.name) } + [
            ("\u{301}a", "contains"), ("북\u{1100}", "contains"), ("a\u{200B}b", "contains"),
            ("a\u{202E}b", "contains"), ("\u{E31}x", "must begin with a letter"),
            (String(repeating: "长", count: 43), "has 129 bytes"),
        ])
    func badRegisteredNames(_ name: String, _ complaint: String) throws {
        let problem = try #require(Names.registeredProblem(name))
        #expect(problem.contains(complaint), "\(problem)")
    }

    @Test(
        "A path, a hidden file and control characters are not a file name",
        arguments: [
            "", ".", "..", ".hidden", "a/b", "/a", "a\nb", "a\0b", "a\u{7F}",
            String(repeating: "a", count: 256),
        ])
    func badFileNames(_ name: String) { #expect(!Names.isFileName(name)) }

    @Test(
        "A plain name is a file name in any script",
        arguments: [
            "disk.qcow2", "a b", "\u{5FAE}\u{8F6F}.vhd", "\u{1F600}", "-", "a..b",
            String(repeating: "a", count: 255),
        ])
    func goodFileNames(_ name: String) { #expect(Names.isFileName(name)) }

    @Test(
        "A path that could leave its folder is refused",
        arguments: [
            "", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/", "a\nb",
            "a\0b", "../\u{301}a", "a/../\u{301}b", "/\u{301}a", "..\u{2F}\u{20DD}",
            String(repeating: "a/", count: 512) + "a",
        ])
    func outerPaths(_ path: String) { #expect(!Names.isInnerPath(path)) }

    @Test(
        "A path that stays in its folder is accepted",
        arguments: ["a", "a/b/c.json", "..a/b..", ".git", "\u{5FAE}/x"])
    func innerPaths(_ path: String) { #expect(Names.isInnerPath(path)) }

    @Test("A SHA-256 is 64 hexadecimal digits in lower case") func digests() {
        #expect(Names.isSHA256(String(repeating: "0f", count: 32)))
        for bad in [
            "", String(repeating: "0F", count: 32), String(repeating: "0", count: 63),
            String(repeating: "0", count: 65), String(repeating: "g", count: 64),
        ] {
            #expect(!Names.isSHA256(bad), "\(bad)")
        }
    }

    @Test("An attempt token is 32 hexadecimal digits in lower case") func tokens() throws {
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

    @Test("A quoted name is visible and short") func quoting() {
        #expect(Names.quoted("a\u{1B}[31m\nb\0") == "'a\\u{1b}[31m\\u{a}b\\u{0}'")
        #expect(Names.quoted(String(repeating: "\u{1F600}", count: 300)).utf8.count == 202)
    }

    @Test("A text is cut between characters") func cutting() {
        #expect("abc".prefixOfUTF8(3) == "abc")
        #expect("ab\u{E9}".prefixOfUTF8(3) == "ab")
        #expect("\u{1F600}x".prefixOfUTF8(3) == "")
        #expect("e\u{301}x".prefixOfUTF8(2) == "")
        #expect(
            Fault(.template, .packerFailed, String(repeating: "x", count: 1 << 20)).reason.utf8
                .count == ProtocolLimits.reasonBytes)
    }
}
