import Templates
import Testing
import YAMLKit

/// The keys of aibuild.yml.
@Suite struct TemplateKeyTests {
    private func problem(_ text: String) -> String? {
        do throws(YAMLError) {
            _ = try TemplateSet(Array(text.utf8), file: "aibuild.yml")
            return nil
        } catch { return error.description }
    }

    @Test("A misspelled key is told, not the one that is missing for it")
    func misspelled() {
        #expect(
            problem("bulider: command\ncommand: [./b]\n")?
                .contains("aibuild.yml:1:1: key 'bulider': is not known; did you mean 'builder'?")
                == true)
        #expect(problem("tempalte: t.json\n")?.contains("did you mean 'template'?") == true)
    }

    @Test("Every key of the table is read", arguments: TemplateKeys.image.names.sorted())
    func isRead(_ key: String) {
        // A key without a value counts as read and not as given.
        let builders = [
            ["builder": "packer", "template": "t.json"],
            ["builder": "command", "command": "[./b]"],
        ]
        let problems = builders.map { keys in
            var keys = keys
            if keys[key] == nil { keys[key] = "~" }
            return problem(keys.sorted { $0.key < $1.key }.map { "\($0): \($1)\n" }.joined())
        }
        #expect(problems.contains { $0 == nil }, "\(problems)")
    }
}
