import ArgumentKit
import BuildProtocol
import Support
import TextKit

/// A command of this program: what it is, and what it does.
struct Command: CommandDescription {
    var name: String
    var summary: String
    var operands: [String] = []
    var options: [CommandOption] = []
    var details: [String] = []
    var examples: [String]
    var run: @Sendable (CommandContext) async throws -> ExitCode
}

extension CommandProgram<Command> {
    static let aibuild = CommandProgram(
        "aibuild", "builds guest OS images on a farm of KVM hosts", commands: Commands.all,
        commonOptions: [
            CommandOption("json", "print the API response as JSON"),
            CommandOption(
                "url", value: "URL",
                "URL of the coordinator, or its name at login (default: $AIBUILD_URL)"),
            CommandOption(
                "ca-file", value: "FILE",
                "trusted authorities of its certificate (default: $AIBUILD_CA_FILE)"),
        ], notes: notes, version: ProgramVersion.current,
        related: ["aibuild-coordinator(8)", "aibuild-agent(8)"])

    private static let notes: String = {
        let variables = [
            (
                "AIBUILD_URL",
                "URL of the coordinator (default: the one of the last login, else "
                    + "http://127.0.0.1:9753)"
            ),
            (
                "AIBUILD_TOKEN",
                "API token, instead of a login; not needed as the coordinator's user on its machine"
            ),
            ("AIBUILD_CA_FILE", "trusted authorities in PEM, instead of the system's"),
            ("NO_COLOR", "disables colours if set"),
        ]
        let codes = ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) }
        return """

            environment
            \(variables.table)
            exit codes
            \(codes.table)
            a first build
              aibuild host add kvm1 --address root@kvm1.example.com
              aibuild guestos add debian12 --type linux --distro debian --version 12 \\
                  --git https://git.example.com/debian12_tpl.git
              aibuild build debian12 --follow

            """
    }()
}

extension Arguments {
    func number(_ option: String) throws(CommandError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text) else {
            throw CommandError(.usage, "Option --\(option) needs a number, not '\(text)'")
        }
        return number
    }

    /// `30m`, `2h`, `1d`.
    func durationSeconds(_ option: String) throws(CommandError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let seconds = DurationText.seconds(text) else {
            throw CommandError(
                .usage, "Option --\(option) needs a duration such as 90s, 30m or 2h, not '\(text)'")
        }
        return seconds
    }

    /// Those of `--var NAME=VALUE` and `--unset-var NAME`.
    /// - Parameter known: what they change.
    func variables(over known: [String: String]) throws(CommandError) -> [String: String] {
        var variables = known
        for name in all("unset-var") {
            guard variables.removeValue(forKey: name) != nil else {
                throw CommandError(.usage, "There is no variable \(name) to unset")
            }
        }
        for text in all("var") {
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
                throw CommandError(.usage, "Option --var takes NAME=VALUE, not \(text)")
            }
            variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return variables
    }

    /// Reads a file named on the command line.
    static func read(_ path: String, limitBytes: Int) throws(CommandError) -> [UInt8] {
        do { return try Files.read(path, limitBytes: limitBytes) } catch {
            throw CommandError(.usage, error)
        }
    }
}
