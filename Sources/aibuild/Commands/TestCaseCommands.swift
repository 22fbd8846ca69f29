import FoundationEssentials

/// `aibuild testcase …`
enum TestCaseCommands {
    static let all = [add, list, remove]

    private struct Form: Encodable {
        var name, osType: String
        var definition: TestCaseAnswer.Definition?
    }

    private static let osType = CommandOption("os-type", value: "TYPE", "linux or windows")

    private static let add = Command(
        name: "testcase add", summary: "have every image of an OS type pass a test case",
        operands: ["NAME"],
        options: [
            CommandOption("os-type", value: "TYPE", "linux or windows", isRequired: true),
            CommandOption("builtin", value: "CASE", "boot, shutdown or boot_repeated"),
            CommandOption("times", value: "N", "for boot_repeated"),
            CommandOption("script", value: "FILE", "or: a script that runs in the guest"),
            CommandOption("limit", value: "SECONDS", "how long it may take"),
        ],
        details: [
            "Without --builtin and --script the case has only a name: its results come from",
            "elsewhere. Builds that are submitted from now on must pass it, unless their",
            "aibuild.yml puts its name under tests: skip:.",
        ],
        examples: [
            "aibuild testcase add boots --os-type linux --builtin boot",
            "aibuild testcase add selinux --os-type linux --script tests/selinux.sh --limit 60",
        ],
        run: { context in
            let arguments = context.arguments
            var definition = TestCaseAnswer.Definition()
            definition.builtin = arguments["builtin"]
            definition.times = try number("times", context)
            definition.limitSeconds = try number("limit", context)
            if let path = arguments["script"] { definition.script = try read(path) }
            let isNamed = definition.builtin == nil && definition.script == nil
            guard !isNamed || definition.times == nil && definition.limitSeconds == nil else {
                throw CommandError(.usage, "--times and --limit need --builtin or --script")
            }
            let body = try await context.api.send(
                "POST", "/api/v1/testcases",
                Form(
                    name: arguments.operands[0], osType: arguments["os-type"] ?? "",
                    definition: isNamed ? nil : definition))
            return try context.show(body, as: TestCaseAnswer.self) { answer in
                let name = SafeText.line(answer.name)
                context.console.out("test case \(name) applies to builds from now on\n")
            }
        })

    private static let list = Command(
        name: "testcase list", summary: "list the test cases that apply to every guest OS",
        options: [osType], examples: ["aibuild testcase list --os-type linux"],
        run: { context in
            let query = context.arguments["os-type"].map { [("os_type", $0)] } ?? []
            let body = try await context.api.get("/api/v1/testcases", query: query)
            return try context.show(body, as: Page<TestCaseAnswer>.self) { page in
                var table = Table("NAME", "OS TYPE", "DOES", "LIMIT", "ID")
                for item in page.items {
                    let limit = item.definition?.limitSeconds.map { Format.duration(Double($0)) }
                    table.add(
                        .init(item.name, .bold), .init(item.osType), .init(shown(item.definition)),
                        .init(limit ?? "-"), .init(item.id))
                }
                context.print(
                    table, orElse: "no test case is registered; see: aibuild testcase add --help")
            }
        })

    private static let remove = Command(
        name: "testcase remove", summary: "no more of this test case; its results stay",
        operands: ["NAME"], options: [osType],
        details: ["NAME may be an id. --os-type tells two of one name apart."],
        examples: ["aibuild testcase remove boots"],
        run: { context in
            let name = context.arguments.operands[0]
            var path = "/api/v1/testcases/" + APIClient.segment(name)
            if let type = context.arguments["os-type"] {
                path += "?os_type=" + APIClient.segment(type)
            }
            _ = try await context.api.send("DELETE", path)
            context.say("test case \(SafeText.line(name)) is removed")
            return .ok
        })

    private static func shown(_ definition: TestCaseAnswer.Definition?) -> String {
        guard let definition else { return "reported from elsewhere" }
        if let builtin = definition.builtin {
            return builtin + (definition.times.map { ", \($0) times" } ?? "")
        }
        return "script, \(definition.script?.utf8.count ?? 0) bytes"
    }

    private static func number(_ option: String, _ context: CommandContext) throws -> Int? {
        try context.arguments[option].map { text in
            guard let number = Int(text) else {
                throw CommandError(.usage, "--\(option) takes a number, not '\(text)'")
            }
            return number
        }
    }

    private static func read(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(.usage, "cannot read \(path)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw CommandError(.usage, "\(path) is no text in UTF-8")
        }
        return text
    }
}
