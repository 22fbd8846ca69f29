import TextKit
import ArgumentKit

/// Every command, in the order of the help.
enum Commands {
    static let all: [Command] =
        BuildCommands.all + LogCommands.all + GuestOSCommands.all + TestCaseCommands.all
        + ImportCommands.all + HostCommands.all + EnvironmentCommands.all + ReleaseCommands.all
        + RetentionCommands.all + OutputCommands.all + DatabaseCommands.all + SystemCommands.all + [
            help
        ]

    /// Never run: the parser answers it. Here so that the overview and the suggestions know it.
    private static let help = Command(
        name: "help", summary: "Show help for aibuild or a command",
        examples: ["aibuild help host add"],
        run: { _ in .ok })
}

extension CommandContext {
    func print(_ table: Table, orElse nothing: String) {
        console.out(
            table.isEmpty
                ? nothing + "\n"
                : table.text(style, width: console.outIsTerminal ? console.width() : nil))
    }

    /// `name   value` lines; those without a value are left out.
    func print(_ fields: [(String, String?)]) {
        let shown = fields.filter { $0.1?.isEmpty == false }
        let width = shown.map(\.0.count).max() ?? 0
        for (name, value) in shown {
            console.out(
                style.paint(name.padded(width + 2), .faint) + SafeText.line(value ?? "") + "\n")
        }
    }

    func printMore(_ next: String?) {
        guard let next else { return }
        console.err("More results: aibuild \(command.name) --after \(SafeText.line(next))\n")
    }

    /// `--limit` and `--after` for the API.
    var pageQuery: [(String, String)] {
        ["limit", "after"].compactMap { name in arguments[name].map { (name, $0) } }
    }

    static let pageOptions = [
        CommandOption("limit", value: "N", "maximum number of rows"),
        CommandOption("after", value: "ID", "start after this one"),
    ]
}
