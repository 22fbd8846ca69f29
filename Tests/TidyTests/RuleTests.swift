import Testing

/// Each rule finds its violations, and nothing else.
@Suite struct RuleTests {
    private func file(_ path: String, _ text: String) -> SourceFile {
        SourceFile(path: path, text: text)
    }

    @Test(
        "A forbidden import is found",
        arguments: [
            ("Protocol/A.swift", "import Glibc"),
            ("Protocol/A.swift", "import Foundation"),
            ("Agent/Core/A.swift", "  public import Support"),
            ("Agent/Runtime/A.swift", "import CLinux"),
            ("Coordinator/Core/A.swift", "internal import struct Support.Descriptor"),
            ("Coordinator/Core/A.swift", "@preconcurrency import Dispatch"),
            ("Coordinator/API/A.swift", "@_exported import CoordinatorAdapters"),
            ("Coordinator/Service/A.swift", "import SSHKit"),
            ("Sources/SSHKit/A.swift", "import BuildProtocol"),
            ("Sources/NewKit/A.swift", "let x = 1"),
            ("Tests/SQLKitTests/A.swift", "import CSQLite"),
            ("Tests/SSHKitTests/A.swift", "import CSSH2"),
        ])
    func forbiddenImportsAreFound(path: String, text: String) {
        let findings = ImportRules.findings(in: file(path, "// header\n\(text)\n"))
        #expect(findings.count == 1, "\(path): \(text)")
    }

    @Test(
        "An allowed import is accepted",
        arguments: [
            ("Protocol/A.swift", "import FoundationEssentials\nlet important = 1"),
            ("Agent/Core/A.swift", "public import BuildProtocol // import Support"),
            ("Sources/SSHKit/A.swift", "import CSSH2\npublic import LoopKit"),
            (
                "Tests/CoordinatorCoreTests/A.swift",
                "@testable import CoordinatorCore\nimport Testing"
            ),
            ("Package.swift", "import PackageDescription"),
        ])
    func allowedImportsAreAccepted(path: String, text: String) {
        #expect(ImportRules.findings(in: file(path, text)) == [])
    }

    @Test(
        "A number from outside needs a range, and lines are not split at characters",
        arguments: [
            ("Protocol/A.swift", "struct A: Codable {\n    public var size: Int64\n}", 1),
            ("Protocol/A.swift", "struct A: Codable {\n    public var size: Int? = 1\n}", 1),
            (
                "Protocol/A.swift",
                "struct A: Codable {\n    @Bounded<ByteBound> public var size: Int64\n}", 0
            ),
            ("Protocol/A.swift", "struct A: Codable {\n    public var size: Int { 1 }\n}", 0),
            ("Protocol/A.swift", "struct A {\n    public var size: Int64\n}", 0),
            ("Coordinator/Core/A.swift", "let a = b.reduce(0) { $0 + $1.sizeBytes }", 1),
            ("Coordinator/Core/A.swift", "free += build.imageBytes", 1),
            ("Coordinator/Core/A.swift", "room.vcpus -= build.requirements.vcpus", 1),
            ("Coordinator/Core/A.swift", "free &+= build.imageBytes", 0),
            ("Coordinator/Core/A.swift", "done += Int64(piece.count)", 0),
            ("Coordinator/Core/A.swift", "room -= Files.sizeBytes(path) ?? 0", 0),
            ("Agent/Core/A.swift", "let a = text.split(separator: \"\\n\")", 1),
            ("Agent/Core/A.swift", "let a = text.lines", 0),
            ("Agent/Core/A.swift", "let a = path.split(separator: \"/\")", 1),
            ("Agent/Core/A.swift", "let a = path.hasPrefix(\"/\")", 1),
            ("Agent/Core/A.swift", "let a = path.pathSegments", 0),
            ("Protocol/Names.swift", "if name.hasPrefix(\".\") {}", 1),
            ("Protocol/Names.swift", "if name.contains(\"@\") {}", 1),
            ("Protocol/Names.swift", "if name.first == \"-\" {}", 1),
            ("Protocol/Names.swift", "for letter in name {", 1),
            ("Protocol/Names.swift", "for scalar in name.unicodeScalars {", 0),
            ("Protocol/Names.swift", "if name.utf8.first == UInt8(ascii: \"-\") {}", 0),
            ("Sources/HTTPServerKit/A.swift", "let a = text.filter { $0.isWhitespace }", 1),
            ("Coordinator/API/Access/A.swift", "value.split(separator: \";\")", 1),
            ("Coordinator/API/Views/A.swift", "value.split(separator: \";\")", 0),
        ])
    func untrustedRules(path: String, text: String, count: Int) {
        #expect(UntrustedRules.findings(in: file(path, text)).count == count, "\(text)")
    }

    @Test("The targets of Package.swift are read with their dependencies") func manifestIsRead()
        throws
    {
        let manifest = Manifest(
            """
            func module(_ name: String) {}
            library("CSSH2", "libssh2"),
            module("HTTPTypes", "Sources/HTTPTypes"),
            module(
                "BuildProtocol", "Protocol", exclude: ["PROTOCOL.md"]),
            program("aibuild", "Sources/aibuild", ["A",
                "B"]),
            tests("ATests", ["A"]),
            """)
        #expect(
            manifest.targets.map(\.name) == [
                "CSSH2", "HTTPTypes", "BuildProtocol", "aibuild", "ATests",
            ])
        #expect(manifest.targets[1].dependencies == [])
        #expect(manifest.targets[2].folder == "Protocol")
        #expect(manifest.targets[3].dependencies == ["A", "B"])
        #expect(manifest.targets[4].folder == nil)
    }

    @Test("A file over its limit is found") func longFilesAreFound() {
        let lines = { (count: Int) in String(repeating: "// x\n", count: count) }
        #expect(StyleRules.findings(in: file("Protocol/A.swift", lines(300))) == [])
        #expect(StyleRules.findings(in: file("Protocol/A.swift", lines(301))).count == 1)
        #expect(StyleRules.findings(in: file("Tests/A/A.swift", lines(400))) == [])
        #expect(StyleRules.findings(in: file("Tests/A/A.swift", lines(401))).count == 1)
    }

    @Test("A line over its limit is found") func longLinesAreFound() {
        let line = String(repeating: "ü", count: 100)
        #expect(StyleRules.findings(in: file("Protocol/A.swift", "\(line)\n")) == [])
        #expect(
            StyleRules.findings(in: file("Protocol/A.swift", "\n\(line)x\n")) == [
                Finding(
                    path: "Protocol/A.swift", line: 2, message: "101 columns, at most 100")
            ])
    }

    @Test(
        "A function over its limit is found",
        arguments: ["func f() {", "func f(\n    a: Int\n) async throws -> Int {", "init?() {"])
    func longFunctionsAreFound(head: String) {
        let headLines = head.split(separator: "\n").count
        for (bodyLines, count) in [(69 - headLines, 0), (70 - headLines, 1)] {
            let body = Array(repeating: "    work()\n", count: bodyLines).joined()
            let text = "struct A {\n\(head)\n\(body)}\nfunc g() {}\n}\n"
            let findings = StyleRules.findings(in: file("Protocol/A.swift", text))
            #expect(findings.count == count, "\(findings)")
        }
    }

    @Test("A type is as long as its declaration and all its extensions in the module")
    func typeSizesAddUp() {
        let body = { (count: Int) in String(repeating: "    let x = 1\n", count: count) }
        let files = [
            file("Coordinator/Core/A.swift", "public struct A: Sendable {\n\(body(250))}\n"),
            file("Coordinator/Core/A+B.swift", "extension A {\n\(body(147))}\nstruct C {}\n"),
            file("Agent/Core/A.swift", "@frozen public struct A {\n\(body(300))}\n"),
            file("Tests/X/A.swift", "struct T {\n\(body(500))}\n"),
        ]
        #expect(TypeRules.sizes(of: files).map(\.lines) == [401, 302, 1])
        #expect(
            TypeRules.findings(in: files).map(\.description) == [
                "Coordinator/Core/A.swift:1: A has 401 lines with its extensions, at most 400: "
                    + "divide its duties"
            ])
    }

    @Test(
        "A banned call is found",
        arguments: [
            "let x = try" + "! f()", "let y = x as" + "! Int", "fatal" + "Error()",
            "let p = Foundation" + ".Process(" + ")", "handle.readability" + "Handler = nil",
            "let f = ISO8601Date" + "Formatter()",
        ])
    func bannedCallsAreFound(code: String) {
        #expect(WordRules.findings(in: file("Protocol/A.swift", code)).count == 1)
        #expect(WordRules.findings(in: file("Tests/A/A.swift", "\n    \(code)")).count == 1)
        #expect(WordRules.findings(in: file("Protocol/A.swift", "// not \(code)")) == [])
    }

    @Test(
        "A fixed sleep in a test is found",
        arguments: [
            "try await Ta" + "sk.sleep(for: .seconds(1))", "usle" + "ep(100)", "sle" + "ep(1)",
            "Thr" + "ead.sleep(forTimeInterval: 1)",
        ])
    func sleepsInTestsAreFound(code: String) {
        #expect(WordRules.findings(in: file("Tests/A/A.swift", code)).count == 1)
        #expect(WordRules.findings(in: file("Tests/TestSupport/A.swift", code)).count == 1)
        let polling = "    while !done() {\n        do {\n            \(code)\n        }\n    }"
        #expect(WordRules.findings(in: file("Tests/A/A.swift", polling)) == [])
        let after = "    while !done() {\n        look()\n    }\n    \(code)"
        #expect(WordRules.findings(in: file("Tests/A/A.swift", after)).count == 1)
        #expect(WordRules.findings(in: file("Agent/Runtime/A.swift", code)) == [])
        // Some tests are about the loop's own timer.
        #expect(WordRules.findings(in: file("Tests/A/A.swift", "try await loop.sleep(1)")) == [])
    }

    @Test(
        "An effect in a pure module is found",
        arguments: [
            "let now = Date" + "()", "let now = Date.now", "UUID" + "()", "Int.random(in: 0..<9)",
            "Task { await f() }", "let clock = ContinuousClock" + "()", "FileManager.default",
        ])
    func effectsInPureModulesAreFound(code: String) {
        #expect(WordRules.findings(in: file("Coordinator/Core/A.swift", code)).count == 1)
        #expect(WordRules.findings(in: file("Protocol/A.swift", code)).count == 1)
        #expect(WordRules.findings(in: file("Coordinator/Service/A.swift", code)) == [])
        #expect(
            WordRules.findings(in: file("Coordinator/Core/A.swift", "let now = world.now"))
                == [])
    }

    @Test("An unchecked Sendable without a proof is found") func uncheckedSendableNeedsProof() {
        let declaration = "final class A: @unchecked " + "Sendable {}"
        let proof =
            "/// Safe to share: every field is written before the thread starts, then only read."
        let findings = { (text: String) in
            WordRules.findings(in: file("Sources/SSHKit/A.swift", text)).count
        }
        #expect(findings(declaration) == 1)
        #expect(findings("\(proof)\n\n\(declaration)") == 1)
        #expect(findings("// trust me\n\(declaration)") == 1)
        #expect(findings("\(proof)\n@usableFromInline\n\(declaration)") == 0)
    }
}
