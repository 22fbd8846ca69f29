import TextKit

/// The help, made of the table of commands.
struct HelpText {
    let commands: [Command]

    var overview: String {
        var text = """
            aibuild: builds guest OS images on a farm of KVM hosts

            usage: aibuild COMMAND [OPTIONS]


            """
        text += table(commands.map { ($0.name, $0.summary) })
        text += "\noptions of every command\n" + self.options(CommandOption.common)
        text += "\nenvironment\n"
        text += table([
            ("AIBUILD_URL", "the coordinator; http://127.0.0.1:9753 where it is not set"),
            ("AIBUILD_TOKEN", "the token to show to it, where it asks for one"),
            ("NO_COLOR", "set to anything: no colours"),
        ])
        text += "\nexit codes\n"
        text += table(ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) })
        text += """

            a first build
              aibuild host add kvm1 --address aibuild@kvm1.example.com
              aibuild guestos add debian12 --type linux --distro debian --version 12 \\
                  --git https://git.example.com/debian12_tpl.git
              aibuild build debian12 --follow

            aibuild COMMAND --help explains a command

            """
        return text
    }

    func list(_ group: [Command]) -> String {
        table(group.map { ($0.name, $0.summary) })
    }

    func page(_ command: Command) -> String {
        var text = "aibuild \(command.name): \(command.summary)\n\n"
        text +=
            "usage: aibuild "
            + ([command.name] + command.operands + ["[OPTIONS]"])
            .joined(separator: " ") + "\n"
        if !command.details.isEmpty {
            text += "\n" + command.details.joined(separator: "\n") + "\n"
        }
        text += "\noptions\n" + options(command.options + CommandOption.common)
        text += "\nexamples\n" + command.examples.map { "  \($0)\n" }.joined()
        return text
    }

    private func options(_ options: [CommandOption]) -> String {
        table(
            options.map { option in
                let short = option.short.map { "-\($0), " } ?? "    "
                let value = option.value.map { " \($0)" } ?? ""
                let note =
                    (option.isRequired ? " (required)" : "")
                    + (option.repeats ? " (may be repeated)" : "")
                return ("\(short)--\(option.long)\(value)", option.help + note)
            })
    }

    private func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { left, right in
            "  " + left.padded(width + 2) + right + "\n"
        }.joined()
    }
}
