import Support
import Testing

/// The documents agree with the tree that they describe.
@Suite struct DocumentTests {
    private let tree: SourceTree
    private let documents: [Document]

    init() throws {
        tree = try SourceTree()
        documents = try Document.all(root: tree.root)
    }

    private func exists(_ path: String) -> Bool {
        path.isEmpty || Files.kind("\(tree.root)/\(path)") != nil
    }

    @Test("Every relative link and anchor in the documents leads somewhere")
    func linksLeadSomewhere() {
        #expect(documents.contains { $0.path == "docs/README.md" })
        #expect(documents.flatMap(\.links).count > 50)
        expectNone(LinkRules.findings(in: documents, exists: exists))
    }

    @Test("The index of docs/ lists every document in it")
    func indexIsComplete() throws {
        let index = try #require(documents.first { $0.path == "docs/README.md" })
        let listed = Set(index.links.map(\.target))
        for document in documents where document.path.hasPrefix("docs/") {
            let name = String(document.path.dropFirst("docs/".count))
            guard name != "README.md", !name.contains("/") else { continue }
            #expect(listed.contains(name), "docs/README.md does not list \(name)")
        }
    }

    @Test("Code and samples name only documents that exist")
    func namedDocumentsExist() throws {
        var files = tree.files.map { ($0.path, $0.text) }
        for path in ["Makefile", "CHANGELOG.md", "deploy/coordinator.yml", "deploy/agent.yml"] {
            files.append((path, try text(of: path)))
        }
        var count = 0
        for (path, text) in files where !path.hasPrefix("Tests/TidyTests/") {
            for match in text.matches(of: #/\bdocs\/[a-z-]+\.md/#) {
                count += 1
                #expect(exists(String(match.0)), "\(path) names \(match.0)")
            }
        }
        #expect(count > 10)
    }

    @Test("Every source file that a document names exists")
    func namedFilesExist() {
        let folders = Set(SourceTree.folders + ["deploy", "scripts"])
        var count = 0
        // The example names files of its own.
        for document in documents where !document.path.hasPrefix("examples/") {
            for match in document.text.matches(of: #/`(\w+)(\/[\w+\/-]+\.(?:swift|sh|py))`/#)
            where folders.contains(String(match.1)) {
                count += 1
                #expect(
                    exists("\(match.1)\(match.2)"),
                    "\(document.path) names \(match.1)\(match.2)")
            }
        }
        #expect(count > 40)
    }

    @Test(
        "Every key of a configuration file is in its sample, and every key of a sample is known",
        arguments: [
            ("deploy/coordinator.yml", "Coordinator/Daemon/"),
            ("deploy/agent.yml", "Agent/Runtime/Program/"),
        ])
    func samplesHoldEveryKey(sample: String, readers: String) throws {
        let known = keys(readIn: readers)
        #expect(known.count > 10)
        let shown = keys(shownIn: try text(of: sample))
        #expect(shown == known, "only on one side: \(shown.symmetricDifference(known).sorted())")
    }

    @Test("Every key of aibuild.yml is in a sample of the documents")
    func templateKeysAreDocumented() {
        var shown: Set<String> = []
        for document in documents where document.path.hasPrefix("docs/") {
            for block in document.text.split(separator: "```yaml\n# aibuild.yml\n").dropFirst() {
                let end = block.firstRange(of: "```")?.lowerBound ?? block.endIndex
                shown.formUnion(keys(shownIn: String(block[..<end])))
            }
        }
        let known = keys(readIn: "Coordinator/Templates/")
        #expect(known.count > 40)
        let missing = known.subtracting(shown)
        #expect(missing == [], "no document shows \(missing.sorted())")
    }

    @Test("docs/troubleshooting.md explains every code of a fault")
    func faultCodesAreExplained() throws {
        let page = try #require(documents.first { $0.path == "docs/troubleshooting.md" })
        let codes = tree.files.filter { $0.path.hasPrefix("Protocol/") }.flatMap { file in
            file.text.matches(of: #/FaultCode\(rawValue: "([a-z_.]+)"/#).map { String($0.1) }
        }
        #expect(codes.count > 20)
        for code in codes { #expect(page.text.contains("`\(code)`"), "it lacks \(code)") }
    }

    @Test("docs/configuration.md lists every kind of data that grows")
    func growingDataIsDocumented() throws {
        let page = try text(of: "docs/configuration.md")
        let table = try text(of: "Coordinator/Core/Retention/GrowingData.swift")
        let ids = table.matches(of: #/GrowingData\(\s*"(\w+)"/#).map { String($0.1) }
        #expect(ids.count > 10)
        for id in ids { #expect(page.contains("`\(id)`"), "it lacks \(id)") }
    }

    private func text(of path: String) throws -> String {
        String(
            decoding: try Files.read("\(tree.root)/\(path)", limitBytes: 1 << 20), as: UTF8.self)
    }

    /// The keys that the sources in a folder read from a YAML file.
    private func keys(readIn folder: String) -> Set<String> {
        let sources = tree.files.filter { $0.path.hasPrefix(folder) }
        return Set(
            sources.flatMap { file in
                file.text.matches(
                    of: #/(?:take|takeIfPresent|secret|YAMLKey)\((?:yaml,)?\s*"(\w+)"/#
                ).map { String($0.1) }
            })
    }

    /// The keys of a YAML file, also those that are commented out.
    private func keys(shownIn yaml: String) -> Set<String> {
        var keys: Set<String> = []
        for line in yaml.split(separator: "\n") {
            let bare = line.drop { "# -".contains($0) }
            guard let first = bare.prefixMatch(of: #/\{?([a-z_0-9]+):(?: |$)/#) else { continue }
            keys.insert(String(first.1))
            for match in bare.matches(of: #/(?:[{,]| or) *([a-z_0-9]+): /#) {
                keys.insert(String(match.1))
            }
        }
        return keys
    }

    @Test("Every test that Tests/MUTATIONS.md names exists")
    func mutationsNameTests() throws {
        let table = try #require(documents.first { $0.path == "Tests/MUTATIONS.md" })
        let tests = tree.files.filter(\.isTest).map(\.text).joined(separator: "\n")
        let known = Set(tests.matches(of: #/\b(?:func|struct) (\w+)/#).map { String($0.1) })
        var count = 0
        for row in table.rows where row.cells.count == 2 {
            for match in row.cells[1].matches(of: #/`(\w+)`/#) {
                count += 1
                let isThere = known.contains(String(match.1))
                #expect(isThere, "Tests/MUTATIONS.md:\(row.line): there is no test \(match.1)")
            }
        }
        #expect(count > 100)
    }
}

/// The findings of the document checks.
@Suite struct LinkRuleTests {
    private func findings(_ text: String) -> [String] {
        let documents = [
            Document(path: "docs/a.md", text: text),
            Document(path: "docs/b.md", text: "# The `b` page: how, why\n\n## Twice\n## Twice\n"),
        ]
        return LinkRules.findings(in: documents) { ["docs/a.md", "docs/b.md", "x"].contains($0) }
            .map(\.message)
    }

    @Test(
        "A link to a file or heading that exists is accepted",
        arguments: [
            "[b](b.md)", "[b](./b.md#the-b-page-how-why)", "[b](b.md#twice-1)", "[x](../x)",
            "# Own\n[o](#own)", "[w](https://example.org/b.md#no)", "`[n](no.md)`",
            "```\n[n](no.md)\n```",
        ])
    func goodLinks(text: String) { #expect(findings(text) == []) }

    @Test(
        "A link to a missing file or heading is found",
        arguments: ["[n](no.md)", "[n](b.md#no)", "[n](#no)", "[n](../../x)", "[n](b.md#twice-2)"])
    func badLinks(text: String) { #expect(findings(text).count == 1) }
}
