import Testing
import YAMLKit

@Suite struct MappingTests {
    enum Mode: String, CaseIterable { case fast, slow }

    private func mapping(_ text: String) throws -> YAMLMapping {
        try YAMLMapping(YAMLDocument.parse(Array(text.utf8), file: "c.yml"), file: "c.yml")
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test("Every type is read from a mapping") func types() throws {
        let config = try mapping(
            """
            version: 16.04
            port: 9753
            on: true
            wait: 20m
            disk: 2GiB
            mode: slow
            tags: [a, "1"]
            vars: {x: 1, y: no}
            hosts:
              - name: one
              - name: two
            builder:
              packer: {template: t.json}
            """)
        #expect(try config.take("version", .string) == "16.04")
        #expect(try config.take("port", .int(1...65535)) == 9753)
        #expect(try config.take("on", .bool))
        #expect(try config.take("wait", .durationSeconds) == 1200)
        #expect(try config.take("disk", .sizeBytes) == 2 << 30)
        let mode: Mode = try config.take("mode", .word)
        #expect(mode == .slow)
        #expect(try config.take("tags", .list(of: .string)) == ["a", "1"])
        #expect(try config.take("vars", .map(of: .string)) == ["x": "1", "y": "no"])
        let hosts = try config.take("hosts", .list(of: .mapping))
        #expect(try hosts.map { try $0.take("name", .string) } == ["one", "two"])
        let packer = try config.take("builder", .mapping).take("packer", .mapping)
        #expect(try packer.take("template", .string) == "t.json")
        try config.finish()
    }

    @Test("A key without a value counts as absent") func absent() throws {
        let config = try mapping("a:\nb: ~\n")
        #expect(try config.takeIfPresent("a", .string) == nil)
        #expect(try config.take("b", .int(0...9), default: 7) == 7)
        #expect(try config.take("c", .bool, default: true))
        try config.finish()
        #expect(try mapping("").takeIfPresent("a", .string) == nil)
    }

    private let sizeExpected = "expected a size such as 512MiB or 2GiB, at most 1024TiB"

    @Test("An error names file, line, column, key, what was expected and what was found")
    func errors() throws {
        let config = try mapping(
            """
            builder:
              packer:
                template: [a]
                port: "80"
                n: 99
                on: yes
                wait: 90
                size: 2GB
                big: 99999999999TiB
                mode: quick
                tags: a
                vars: {x: [1]}
            """)
        let packer = try config.take("builder", .mapping).take("packer", .mapping)
        let path = "key 'builder.packer."
        let cases: [(String, () throws -> Void)] = [
            (
                "c.yml:3:15: \(path)template': expected a string, found a list",
                { _ = try packer.take("template", .string) }
            ),
            (
                "c.yml:4:11: \(path)port': expected a whole number from 1 to 99; "
                    + "remove the quotes", { _ = try packer.take("port", .int(1...99)) }
            ),
            (
                "c.yml:5:8: \(path)n': expected a whole number from 1 to 9, found '99'",
                { _ = try packer.take("n", .int(1...9)) }
            ),
            (
                "c.yml:6:9: \(path)on': expected true or false, found 'yes'",
                { _ = try packer.take("on", .bool) }
            ),
            (
                "c.yml:7:11: \(path)wait': expected a duration such as 90s, 20m or 4h, "
                    + "at most 36525d, found '90'",
                { _ = try packer.take("wait", .durationSeconds) }
            ),
            (
                "c.yml:8:11: \(path)size': \(sizeExpected), found '2GB'",
                { _ = try packer.take("size", .sizeBytes) }
            ),
            (
                "c.yml:9:10: \(path)big': \(sizeExpected), found '99999999999TiB'",
                { _ = try packer.take("big", .sizeBytes) }
            ),
            (
                "c.yml:10:11: \(path)mode': expected one of fast, slow, found 'quick'",
                { let _: Mode = try packer.take("mode", .word) }
            ),
            (
                "c.yml:11:11: \(path)tags': expected a list, found 'a'",
                { _ = try packer.take("tags", .list(of: .string)) }
            ),
            (
                "c.yml:12:15: \(path)vars.x': expected a string, found a list",
                { _ = try packer.take("vars", .map(of: .string)) }
            ),
            (
                "c.yml:3:5: \(path)command': is missing; expected a string",
                { _ = try packer.take("command", .string) }
            ),
        ]
        for (expected, body) in cases { #expect(message(body) == expected) }
        let own = packer.error("n", "must be even")
        #expect(own.description == "c.yml:5:8: \(path)n': must be even")
    }

    @Test("A check of the caller is an error with the place of the value") func checked() throws {
        let config = try mapping("names: [a, b/c]\n")
        let name = YAMLType<String>.string.checked { $0.contains("/") ? "has a slash" : nil }
        #expect(
            message { _ = try config.take("names", .list(of: name)) }
                == "c.yml:1:12: key 'names[1]': has a slash")
    }

    @Test("An unknown key is refused with the nearest known one") func unknownKeys() throws {
        func unknown(_ text: String) throws -> String {
            let config = try mapping(text)
            _ = try config.takeIfPresent("database", .mapping)?.takeIfPresent("password", .string)
            _ = try config.takeIfPresent("port", .int(1...9))
            return message { try config.finish() }
        }
        #expect(
            try unknown("port: 1\ndatabse: 1\n")
                == "c.yml:2:1: key 'databse': is not known; did you mean 'database'?")
        #expect(try unknown("Port: 1\n").hasSuffix("did you mean 'port'?"))
        #expect(
            try unknown("database:\n  pasword: x\n")
                == "c.yml:2:3: key 'database.pasword': is not known; did you mean 'password'?")
        #expect(try unknown("colour: 1\n").hasSuffix("is not known; known keys: database, port"))
        #expect(try unknown("🐧: 1\n").hasPrefix("c.yml:1:1: key '🐧': is not known"))
        #expect(try unknown("port: 1\n") == "no error")
    }

    /// A key is shown so that it cannot paint over the terminal.
    @Test("Control characters of a key are made visible, and long values cut")
    func hostileKeys() throws {
        let config = try mapping("\"a\\e[31m\\u202e\": 1\n")
        #expect(
            message { try config.finish() }
                == "c.yml:1:1: key 'a\\u{1b}[31m\\u{202e}': is not known")
        let long = try mapping("k: \(String(repeating: "z", count: 500))\n")
        #expect(message { _ = try long.take("k", .bool) }.count < 150)
    }

    @Test("A list at the top is refused") func list() {
        #expect(
            message { _ = try mapping("- a\n") } == "c.yml:1:1: expected a mapping, found a list")
    }

    @Test(
        "A duration is digits and one unit",
        arguments: ["1", "-1s", "1 s", "s", "1.5h", "1H", "99999999999999999d", "١s", "+1s", ""])
    func durations(_ text: String) throws {
        let config = try mapping("d: \"\(text)\"\n")
        #expect(throws: YAMLError.self) { try config.take("d", .durationSeconds) }
    }

    @Test(
        "A number is decimal ASCII digits",
        arguments: ["+1", "0x10", "1_000", "1.0", "١", "true"])
    func numbers(_ text: String) throws {
        let config = try mapping("n: \(text)\n")
        #expect(throws: YAMLError.self) { try config.take("n", .int(0...Int.max)) }
    }
}
