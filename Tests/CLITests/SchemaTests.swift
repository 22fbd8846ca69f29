import ProcessKit
import Support
import Templates
import TestSupport
import Testing
import TextKit

/// The schema of aibuild.yml, as another program's validator reads it.
struct SchemaTests {
    /// Texts, and whether the schema and the parser take them.
    private static let files: [(text: String, isValid: Bool)] = [
        ("template: a.json\n", true),
        ("template: a.json\nvariables: {a: 1, b: [x, {c: true}], d: 1.10}\n", true),
        ("builder: command\ncommand: [./b, 3]\nstreams: separate\njenkins: true\n", true),
        ("template: .\nrequirements: {vcpus: 2, memory: 2GiB, tags: [ssd]}\n", true),
        ("template: .\nlimits: {total: 2h, silence: 90s, log: 1MiB}\nconcurrency: 3\n", true),
        ("template: .\nbase_image: {url: 'https://h/x', sha256: none}\n", true),
        ("template: .\nrelease: {to: [lab], when: manual, properties: {a: 1}}\n", true),
        ("template: .\nartifacts: [{files: '*.gz', kind: archive}]\nimage: a\n", true),
        ("template: .\nenvironment: {A: b, C: {secret: d}}\nsteps: [a, b]\n", true),
        (
            "template: .\ntests: {online: true, cases: [{name: b, builtin: boot, limit: 5m}]}\n",
            true
        ),
        ("template: .\nimages: {a: {concurrency: 2}, b: {template: c.json}}\n", true),
        ("template: .\nlimits:\nimages: {a: , b: {tests: }}\n", true),
        ("template: .\nretries: 0\nimages: {a: {retries: 20}}\n", true),
        ("template: .\ntriggers: {variables: {tags: {a: 1, b: [c]}, max_age: {a: b}}}\n", true),
        ("template: .\ntriggers: {variables: {a: b}}\n", false),
        ("template: .\nretries: 21\n", false),
        ("template: .\nretries: -1\n", false),
        ("tempalte: a.json\n", false),
        ("template: .\nrequirements: {memroy: 2GiB}\n", false),
        ("template: .\nrequirements: {memory: 2}\n", false),
        ("template: .\nrequirements: {vcpus: 0}\n", false),
        ("template: .\nlimits: {total: 2 hours}\n", false),
        ("template: .\nconcurrency: '3'\n", false),
        ("builder: docker\n", false),
        ("template: [a]\n", false),
        ("template: .\nbase_image: {sha256: none}\n", false),
        ("template: .\nartifacts: [{files: '*.gz'}]\n", false),
        ("template: .\ntests: {cases: [{name: b, builtin: bot}]}\n", false),
        ("template: .\nimages: {a: {concurency: 2}}\n", false),
        ("template: .\nimages: {a: {images: {}}}\n", false),
    ]

    @Test("The schema and the parser agree on what is right and what is not")
    func agrees() async throws {
        let program = """
            import json, sys, yaml, jsonschema
            schema, texts = json.load(sys.stdin)
            jsonschema.Draft202012Validator.check_schema(schema)
            validator = jsonschema.Draft202012Validator(schema)
            print(json.dumps([validator.is_valid(yaml.safe_load(t)) for t in texts]))
            """
        let schema = try JSON(parsing: TemplateKeys.schema)
        let input = JSON.array([schema, .array(Self.files.map { .string($0.text) })])
        let output = try await Command(
            ["/usr/bin/python3", "-c", program], environment: Command.minimalEnvironment
        ).run(stdin: input.bytes, timeoutSeconds: 300)
        #expect(output.status.isSuccess, "\(output.stderrText)")
        let valid = try JSON(parsing: output.stdout)
        #expect(valid == .array(Self.files.map { .bool($0.isValid) }))
        for file in Self.files {
            let isRead = (try? TemplateSet(Array(file.text.utf8), file: "f")) != nil
            #expect(isRead == file.isValid, "\(file.text)")
        }
    }

    @Test("docs/ has the schema of this program: aibuild check --schema prints it")
    func isPublished() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let published = try Files.read(root + "/docs/aibuild.schema.json", limitBytes: 1 << 20)
        #expect(published == TemplateKeys.schema)
    }
}
