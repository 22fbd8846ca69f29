import ArgumentKit
import TextKit

/// `aibuild testcase …`
enum TestCaseCommands {
    static let all = [add, change, list, show, remove]

    private struct Form: Encodable {
        var name, osType: String
        var definition: TestCaseAnswer.Definition?
    }

    private struct Change: Encodable { var definition: TestCaseAnswer.Definition }

    private static func type(isRequired: Bool = false) -> CommandOption {
        CommandOption(
            "type", value: "TYPE", "linux or windows", isRequired: isRequired, former: "os-type")
    }

    private static let fields = [
        CommandOption("builtin", value: "CASE", "built-in case: boot, shutdown or boot_repeated"),
        CommandOption("times", value: "N", "number of boots, for boot_repeated"),
        CommandOption("script", value: "FILE", "or: script that runs in the guest"),
        CommandOption("program", value: "FILE", "or: program that runs on the host of the guest"),
        CommandOption("limit", value: "SECONDS", "time limit"),
    ]

    private static let add = Command(
        name: "testcase add", summary: "Add a test case that every image of an OS type must pass",
        operands: ["NAME"],
        options: [type(isRequired: true)] + fields,
        details: [
            "Without --builtin, --script and --program, the case has only a name, and its results",
            "are reported by other systems. It applies to builds that are submitted from now on,",
            "unless their aibuild.yml lists it under tests: skip:. The coordinator stores the text",
            "of the script or program. A program starts with #! and finds the guest's address in",
            "its environment variables: docs/templates.md.",
        ],
        examples: [
            "aibuild testcase add boots --type linux --builtin boot",
            "aibuild testcase add selinux --type linux --script tests/selinux.sh --limit 60",
            "aibuild testcase add winrm --type windows --program tests/winrm.py",
        ],
        run: { context in
            let arguments = context.arguments
            try arguments.check("type", isOneOf: GuestOSCommands.types)
            let definition = try definition(TestCaseAnswer.Definition(), context)
            guard definition.isWhole || definition.times == nil && definition.limitSeconds == nil
            else {
                throw CommandError(
                    .usage, "Options --times and --limit need --builtin, --script or --program")
            }
            let body = try await context.api.send(
                "POST", "/api/v1/testcases",
                Form(
                    name: arguments.operands[0], osType: arguments["type"] ?? "",
                    definition: definition.isWhole ? definition : nil))
            return try show(body, context, "Added")
        })

    private static let change = Command(
        name: "testcase change", summary: "Change a test case",
        operands: ["NAME"], options: [type()] + fields,
        details: [
            "Settings that are not given are kept; --builtin, --script and --program replace each",
            "other. Builds in the queue keep the test cases they were submitted with. NAME may be",
            "an ID. If both OS types have a case of that name, pass --type.",
        ],
        examples: ["aibuild testcase change selinux --script tests/selinux.sh"],
        run: { context in
            try context.requireOption(of: fields)
            let known = try APIClient.decode(
                TestCaseAnswer.self, try await context.api.get(path(context)))
            let definition = try definition(
                known.definition ?? TestCaseAnswer.Definition(), context)
            let body = try await context.api.send(
                "PUT", path(context), Change(definition: definition))
            return try show(body, context, "Changed")
        })

    private static func show(
        _ body: [UInt8], _ context: CommandContext, _ done: String
    ) throws -> ExitCode {
        try context.show(body, as: TestCaseAnswer.self) { answer in
            let name = SafeText.line(answer.name)
            context.console.out(
                "\(done) test case \(name). It applies to builds submitted from now on\n")
        }
    }

    private static let show = Command(
        name: "testcase show", summary: "Show a test case with its script or program",
        operands: ["NAME"], options: [type()],
        details: ["NAME may be an ID. If both OS types have a case of that name, pass --type."],
        examples: ["aibuild testcase show selinux"],
        run: { context in
            let body = try await context.api.get(path(context))
            return try context.show(body, as: TestCaseAnswer.self) { item in
                context.print([
                    ("name", item.name), ("type", item.osType), ("runs", shown(item.definition)),
                    ("limit", limit(item.definition)), ("id", item.id),
                ])
                var text = (item.definition?.script ?? item.definition?.program ?? "")[...]
                if text.last == "\n" { text.removeLast() }
                guard !text.isEmpty else { return }
                for line in text.allLines {
                    context.console.out(SafeText.line(String(line)) + "\n")
                }
            }
        })

    private static let list = Command(
        name: "testcase list", summary: "List test cases",
        options: [type()], examples: ["aibuild testcase list --type linux"],
        run: { context in
            let query = context.arguments["type"].map { [("os_type", $0)] } ?? []
            let body = try await context.api.get("/api/v1/testcases", query: query)
            return try context.show(body, as: Page<TestCaseAnswer>.self) { page in
                var table = Table("NAME", "TYPE", "RUNS", "LIMIT", "ID", spare: ["ID", "LIMIT"])
                for item in page.items {
                    table.add(
                        .init(item.name, .bold), .init(item.osType), .init(shown(item.definition)),
                        .init(limit(item.definition) ?? "-"), .init(item.id))
                }
                context.print(
                    table, orElse: "No test cases. Add one: aibuild testcase add --help")
            }
        })

    private static let remove = Command(
        name: "testcase remove", summary: "Remove a test case; past results are kept",
        operands: ["NAME"], options: [type()],
        details: ["NAME may be an ID. If both OS types have a case of that name, pass --type."],
        examples: ["aibuild testcase remove boots"],
        run: { context in
            _ = try await context.api.send("DELETE", path(context))
            context.say("Removed test case \(context.name)")
            return .ok
        })

    private static func path(_ context: CommandContext) -> String {
        let path = "/api/v1/testcases/" + APIClient.segment(context.arguments.operands[0])
        guard let type = context.arguments["type"] else { return path }
        return path + "?os_type=" + APIClient.segment(type)
    }

    /// The current definition with the given options applied.
    private static func definition(
        _ known: TestCaseAnswer.Definition, _ context: CommandContext
    ) throws -> TestCaseAnswer.Definition {
        let arguments = context.arguments
        let ways = ["builtin", "script", "program"].filter { arguments[$0] != nil }
        guard ways.count < 2 else {
            throw CommandError(
                .usage,
                "Options \(ways.map { "--" + $0 }.joined(separator: " and ")) exclude each other")
        }
        var definition = known
        if !ways.isEmpty {
            definition = TestCaseAnswer.Definition(limitSeconds: known.limitSeconds)
            definition.builtin = arguments["builtin"]
            definition.script = try arguments["script"].map(read)
            definition.program = try arguments["program"].map(read)
        }
        if let times = try arguments.number("times") { definition.times = times }
        if let limit = try arguments.number("limit") { definition.limitSeconds = limit }
        return definition
    }

    private static func shown(_ definition: TestCaseAnswer.Definition?) -> String {
        guard let definition else { return "reported by other systems" }
        if let builtin = definition.builtin {
            return builtin + (definition.times.map { ", \($0) times" } ?? "")
        }
        if let program = definition.program { return "program, \(program.utf8.count) bytes" }
        return "script, \(definition.script?.utf8.count ?? 0) bytes"
    }

    private static func limit(_ definition: TestCaseAnswer.Definition?) -> String? {
        definition?.limitSeconds.map { Format.duration(Double($0)) }
    }

    /// Far more than the API takes, which says what it allows.
    private static let largestFileBytes = 1 << 20

    private static func read(_ path: String) throws -> String {
        let bytes = try Arguments.read(path, limitBytes: largestFileBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError(.usage, "Cannot read \(path): not UTF-8 text")
        }
        return text
    }
}
