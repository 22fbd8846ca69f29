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

    @Test("Most mistakes are found at once, each at its place, and none that only follows")
    func allMistakes() {
        let text = """
            bulider: command
            command: [./b]
            variables: [a]
            requirements: {memory: lots, vcpu: 2}
            limits:
              total: 5 parsecs
            tests:
              - name: x
            schedule: "61 * * * *"
            """
        let found = TemplateSet.mistakes(Array(text.utf8), file: "a.yml")
        let places = found.map { "\($0.line):\($0.column)" }
        #expect(places.starts(with: ["1:1"]) && Set(places).count == places.count)
        #expect(Set(places).isSuperset(of: ["3:12", "4:24", "4:30", "6:10", "9:11"]), "\(found)")
        #expect(TemplateSet.mistakes(Array("template: [".utf8), file: "a.yml").count == 1)
        #expect(TemplateSet.mistakes(Array("template: t.json\n".utf8), file: "a.yml").isEmpty)
        // The template is missing only because its name was refused.
        let one = TemplateSet.mistakes(Array("template: {}\nonly: x\n".utf8), file: "a.yml")
        #expect(one.first?.line == 1 && !one.contains { $0.isMissing }, "\(one)")
        // What is left of a list is not a second mistake.
        let line = "template: t\ntriggers: {packages: {apt: [deb x]}}\n"
        let list = TemplateSet.mistakes(Array(line.utf8), file: "a.yml")
        #expect(list.map(\.key) == ["triggers.packages.apt[0]"], "\(list)")
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
