import Glibc
import ProcessKit
import Support
import Testing

/// The rules, applied to the tree. That each rule finds what it should is in `RuleTests`.
@Suite struct TreeTests {
    private let tree: SourceTree

    init() throws { tree = try SourceTree() }

    @Test func theTreeIsFound() {
        #expect(tree.files.contains { $0.path == "Package.swift" })
        #expect(tree.files.contains { $0.path == "Protocol/Messages.swift" })
        #expect(tree.files.contains { $0.path == "Tests/TidyTests/TreeTests.swift" })
    }

    @Test func everyImportIsAllowed() {
        expectNone(tree.files.flatMap(ImportRules.findings))
    }

    @Test func thePackageDependsOnNoMoreThanTheRulesAllow() throws {
        let manifest = Manifest(try #require(tree.files.first).text)
        #expect(manifest.targets.count > ImportRules.modules.count)
        for target in manifest.targets where ["module", "program"].contains(target.helper) {
            let rule = ImportRules.modules.first { $0.name == target.name }
            guard let rule else {
                Issue.record("Package.swift has \(target.name), which ImportRules lacks")
                continue
            }
            #expect(target.folder == rule.folder, "\(target.name)")
            let extra = Set(target.dependencies).subtracting(rule.mayImport)
            #expect(extra.isEmpty, "\(target.name) may not depend on \(extra.sorted())")
        }
        for rule in ImportRules.modules {
            let target = manifest.targets.first { $0.name == rule.name }
            #expect(target != nil, "ImportRules has \(rule.name), which Package.swift lacks")
        }
    }

    @Test func everyImportIsADependency() throws {
        let manifest = Manifest(try #require(tree.files.first).text)
        for file in tree.files {
            let rule = ImportRules.rule(for: file.path)
            let name = rule?.name ?? String(file.path.split(separator: "/").dropFirst().first ?? "")
            guard let target = manifest.targets.first(where: { $0.name == name }) else { continue }
            let own = Set(manifest.targets.map(\.name)).union(["CLinux"])
            for used in ImportRules.imports(of: file) where own.contains(used.module) {
                #expect(
                    target.dependencies.contains(used.module),
                    "\(file.path):\(used.line): Package.swift does not list \(used.module)")
            }
        }
    }

    @Test func sizesAreKept() {
        expectNone(tree.files.flatMap(StyleRules.findings))
    }

    @Test("No type has over 400 lines with its extensions") func typesStaySmall() {
        expectNone(TypeRules.findings(in: tree.files))
    }

    @Test("Each exempt type is still too large") func exemptionsAreNeeded() {
        let large = TypeRules.sizes(of: tree.files).filter { $0.lines > TypeRules.typeLines }
        #expect(TypeRules.exempt.subtracting(large.map(\.name)) == [])
    }

    @Test func bannedWordsAreAbsent() {
        expectNone(tree.files.flatMap(WordRules.findings))
    }

    @Test func everyModuleSaysWhatItIs() {
        for rule in ImportRules.modules {
            let files = tree.files.filter { $0.path.hasPrefix(rule.folder + "/") }
            let openings = files.filter { $0.text.hasPrefix("//! ") }
            #expect(
                openings.count == 1,
                """
                \(rule.name): its main file, and only that, opens with a `//!` paragraph that says \
                what the module is and what it may not do; found \(openings.map(\.path))
                """)
        }
    }

    /// Seconds for the formatter to look at the whole tree; it takes a few.
    private static let lintSeconds = 240

    @Test func theFormatIsClean() async throws {
        var environment = Command.minimalEnvironment
        // The toolchain may lie below HOME, or come first in PATH; the script finds it.
        for name in ["PATH", "HOME", "SWIFT"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        let found = try await Command(
            ["\(tree.root)/scripts/find-swift.sh"], environment: environment
        ).run(timeoutSeconds: 60, outputLimitBytes: 1 << 16)
        try #require(found.status.isSuccess, "\(found.stderrText)")
        let swift = found.stdoutText.filter { $0 != "\n" }

        let folders = SourceTree.folders.filter { Files.exists("\(tree.root)/\($0)") }
        let lint = try await Command(
            [swift, "format", "lint", "--strict", "--recursive", "--parallel", "Package.swift"]
                + folders,
            environment: environment, workFolder: tree.root
        ).run(timeoutSeconds: Self.lintSeconds, outputLimitBytes: 1 << 20)
        #expect(lint.status.isSuccess, "make format puts most of this right:\n\(lint.stderrText)")
    }

    @Test func everyScriptParses() async throws {
        var scripts = [".ci/run"]
        for folder in ["scripts", "examples/mini-linux", "examples/mini-linux/scripts"] {
            scripts += try Files.list("\(tree.root)/\(folder)").filter { $0.hasSuffix(".sh") }
                .map { "\(folder)/\($0)" }
        }
        #expect(scripts.count > 5)
        for script in scripts {
            let check = try await Command(
                ["bash", "-n", script], environment: Command.minimalEnvironment,
                workFolder: tree.root
            ).run(timeoutSeconds: 20)
            #expect(check.status.isSuccess, "\(check.stderrText)")
        }
    }
}
