import TextKit

/// The help, generated from the table of commands.
struct HelpText<Entry: CommandDescription> {
    let program: CommandProgram<Entry>

    var overview: String {
        let others = program.commands.filter { !$0.words.isEmpty }
        let usages = [program.main.map(usage), others.isEmpty ? nil : "COMMAND [OPTIONS]"]
        var text = "\(program.name): \(program.summary)\n\n"
        text += usages.compactMap(\.self).enumerated()
            .map { "\($0 == 0 ? "usage:" : "      ") \(program.name) \($1)\n" }.joined()
        if !others.isEmpty { text += "\n" + list(others) }
        if let main = program.main {
            text += "\noptions\n" + options(program.options(of: main))
        } else {
            text += "\noptions of every command\n" + options(program.commonOptions)
        }
        text += program.notes
        if !others.isEmpty { text += "\n\(program.name) COMMAND --help explains a command\n" }
        return text
    }

    func list(_ group: [Entry]) -> String { group.map { ($0.name, $0.summary) }.table }

    func page(_ command: Entry) -> String {
        if command.words.isEmpty { return overview }
        var text = "\(program.name) \(command.name): \(command.summary)\n\n"
        text += "usage: \(program.name) \(usage(command))\n"
        if !command.details.isEmpty {
            text += "\n" + command.details.joined(separator: "\n") + "\n"
        }
        text += "\noptions\n" + options(program.options(of: command))
        if !command.examples.isEmpty {
            text += "\nexamples\n" + command.examples.map { "  \($0)\n" }.joined()
        }
        return text
    }

    private func usage(_ command: Entry) -> String {
        (command.words + command.operands + ["[OPTIONS]"]).joined(separator: " ")
    }

    private func options(_ options: [CommandOption]) -> String {
        options.map { option in
            let short = option.short.map { "-\($0), " } ?? "    "
            let value = option.value.map { " \($0)" } ?? ""
            return ("\(short)--\(option.long)\(value)", option.help + option.note)
        }.table
    }
}

extension [(String, String)] {
    /// Two columns, indented.
    public var table: String {
        let width = map(\.0.count).max() ?? 0
        return map { "  " + $0.padded(width + 2) + $1 + "\n" }.joined()
    }
}
