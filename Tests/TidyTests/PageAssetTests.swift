import ProcessKit
import Support
import Testing

/// The scripts and the style sheet of the web page, which no compiler checks.
@Suite("Page assets") struct PageAssetTests {
    private static let folder = "\(SourceTree.packageRoot())/Coordinator/API/Pages/Assets"

    private static func names(endingIn suffix: String) throws -> [String] {
        try Files.list(folder).filter { $0.hasSuffix(suffix) }.sorted()
    }

    @Test("Every script parses as strict JavaScript") func everyScriptParses() async throws {
        let names = try Self.names(endingIn: ".js")
        #expect(names.count >= 2)
        for name in names {
            let text = try Self.read(name)
            #expect(text.hasPrefix("\"use strict\";\n"), "\(name)")
            let check = try await Command(
                ["node", "--check", name], environment: Command.minimalEnvironment,
                workFolder: Self.folder
            ).run(timeoutSeconds: 300)
            #expect(check.status.isSuccess, "\(check.stderrText)")
        }
    }

    /// A sheet of one page may use what that of all pages defines.
    @Test("Every style sheet is balanced, and all use only the properties that they define")
    func everyStyleSheetIsSound() throws {
        let names = try Self.names(endingIn: ".css")
        #expect(names.contains("style.css"))
        var all = ""
        for name in names {
            let sheet = try Self.read(name)
            #expect(Self.bracketFault(in: sheet) == nil, "\(name)")
            all += sheet
        }
        #expect(Self.faults(in: all) == [])
    }

    @Test(
        "A broken style sheet is found",
        arguments: [
            ("a { color: red", "a bracket is not closed"), ("a { color: red } }", "stray }"),
            ("a { width: calc(1px + (2px) }", "stray }"), ("a { color: var(--x) }", "unknown --x"),
            (":root { --y: 1px }", "unused --y"), ("/* a", "a comment is not closed"),
        ])
    func aBrokenStyleSheetIsFound(css: String, fault: String) {
        #expect(Self.faults(in: css) == [fault])
    }

    private static func read(_ name: String) throws -> String {
        String(decoding: try Files.read("\(folder)/\(name)", limitBytes: 1 << 20), as: UTF8.self)
    }

    /// Errors in the brackets and custom properties of a style sheet.
    private static func faults(in css: String) -> [String] {
        if let fault = bracketFault(in: css) { return [fault] }
        let code = withoutComments(css)
        let defined = Set(code.matches(of: #/(--[\w-]+)\s*:/#).map { String($0.1) })
        let used = Set(code.matches(of: #/var\(\s*(--[\w-]+)/#).map { String($0.1) })
        return used.subtracting(defined).sorted().map { "unknown \($0)" }
            + defined.subtracting(used).sorted().map { "unused \($0)" }
    }

    private static func withoutComments(_ css: String) -> String {
        css.replacing(#/\/\*.*?\*\//#.dotMatchesNewlines(), with: "")
    }

    private static func bracketFault(in css: String) -> String? {
        let code = withoutComments(css)
        if code.contains("/*") { return "a comment is not closed" }
        let closing: [Character: Character] = ["{": "}", "(": ")", "[": "]"]
        var open: [Character] = []
        for character in code {
            if let expected = closing[character] {
                open.append(expected)
            } else if closing.values.contains(character), open.popLast() != character {
                return "stray \(character)"
            }
        }
        return open.isEmpty ? nil : "a bracket is not closed"
    }
}
