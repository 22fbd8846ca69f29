import BuildProtocol
import FoundationEssentials
import Testing

/// The patterns of `artifacts` and `image`.
@Suite struct FilePatternTests {
    @Test(
        "A segment matches the names that a shell would match",
        arguments: [
            ("custom.tar.gz", "custom.tar.gz", true), ("custom.tar.gz", "custom-tar.gz", false),
            ("*", "a", true), ("*", ".a", false), (".*", ".a", true), ("*.gz", "x.tar.gz", true),
            ("*.gz", ".gz", false), ("*.gz", "x.gzip", false), ("a*b*c", "a-bb-c", true),
            ("a*b*c", "a-c-b", false), ("?.raw", "é.raw", true), ("?.raw", "ab.raw", false),
            ("镜像*.qcow2", "镜像-1.qcow2", true), ("a?", "a", false), ("**.gz", "a.gz", true),
        ])
    func segments(pattern: String, name: String, matches: Bool) {
        #expect(FilePattern(pattern).segments.first?.matches(name) == matches)
        #expect(FilePattern(pattern).segments.count == 1)
    }

    @Test("Many stars take no longer than few")
    func stars() {
        let pattern = FilePattern(String(repeating: "*a", count: 100) + "b")
        #expect(pattern.segments.first?.matches(String(repeating: "a", count: 250)) == false)
    }

    @Test("Folders at the end of a pattern stand for their files")
    func trailingFolders() {
        #expect(FilePattern("out/**").segments == FilePattern("out/**/*").segments)
    }

    @Test(
        "A pattern that leads out of its folder is refused",
        arguments: ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\u{0}"])
    func outside(pattern: String) { #expect(FilePattern.problem(pattern) != nil) }

    @Test("The kind of a newer side is no kind that decides anything")
    func unknownKind() throws {
        let rule = try JSONDecoder().decode(
            ArtifactRule.self, from: Data(#"{"files":"*.ova","kind":"appliance"}"#.utf8))
        #expect(rule == ArtifactRule(files: FilePattern("*.ova"), kind: .other))
    }
}
