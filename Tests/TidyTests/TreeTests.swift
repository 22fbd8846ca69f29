import Glibc
import ProcessKit
import Support
import Testing

/// The rules, applied to the tree. `RuleTests` tests the rules themselves.
@Suite struct TreeTests {
    private let tree: SourceTree

    init() throws { tree = try SourceTree() }

    @Test("The tests find the source tree") func treeIsFound() {
        #expect(tree.files.contains { $0.path == "Package.swift" })
        #expect(tree.files.contains { $0.path == "Protocol/Messages.swift" })
        #expect(tree.files.contains { $0.path == "Tests/TidyTests/TreeTests.swift" })
    }

    @Test("Every import is allowed by the rules") func importsAreAllowed() {
        expectNone(tree.files.flatMap(ImportRules.findings))
    }

    @Test("Package.swift declares no dependency that the rules do not allow")
    func manifestFollowsRules() throws {
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

    @Test("Every import is a declared dependency") func importsAreDependencies() throws {
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

    @Test("Files, functions and lines are within their limits") func sizeLimits() {
        expectNone(tree.files.flatMap(StyleRules.findings))
    }

    @Test("No type has over 400 lines with its extensions") func typesStaySmall() {
        expectNone(TypeRules.findings(in: tree.files))
    }

    @Test("What comes from outside has bounds") func untrustedValuesAreBounded() {
        expectNone(tree.files.flatMap(UntrustedRules.findings))
    }

    @Test("Sums over every range of numbers are proved not to overflow") func boundsAreListed() {
        let proof = tree.files.first { $0.path.hasSuffix("/BoundSumTests.swift") }?.text ?? ""
        let bounds = tree.files.filter { !$0.isTest }.flatMap { file in
            file.codeLines.compactMap { $0.firstMatch(of: #/enum (\w+): NumberBound/#)?.1 }
        }
        #expect(bounds.count > 9)
        for bound in bounds { #expect(proof.contains(" \(bound).self"), "\(bound)") }
    }

    @Test("No banned call is used") func bannedCalls() {
        expectNone(tree.files.flatMap(WordRules.findings))
    }

    @Test("Every module has a summary in one file") func moduleSummaries() {
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

    /// Seconds for the formatter to check the whole tree; it takes a few.
    private static let lintSeconds = 240

    @Test("The formatter has no findings") func formatting() async throws {
        var environment = Command.minimalEnvironment
        // The toolchain may be below HOME, or come first in PATH; the script finds it.
        for name in ["PATH", "HOME", "SWIFT"] {
            environment[name] = getenv(name).map { String(cString: $0) }
        }
        let found = try await Command(
            ["\(tree.root)/scripts/find-swift.sh"], environment: environment
        ).run(timeoutSeconds: 300, outputLimitBytes: 1 << 16)
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

    @Test("Every shell script parses") func scriptsParse() async throws {
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
            ).run(timeoutSeconds: 300)
            #expect(check.status.isSuccess, "\(check.stderrText)")
        }
    }
}
