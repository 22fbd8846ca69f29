import TextKit

/// The command line is wrong; the message says how.
struct UsageError: Error {
    var message: String
    /// Whose help to read; `nil` for the overview.
    var command: String?
}

/// Takes a command line apart: `--x value`, `--x=value`, `-x`, `-xy`, `--`, options anywhere.
struct ArgumentParser {
    enum Outcome {
        case help(String)
        case run(Command, Arguments)
    }

    let commands: [Command]

    func parse(_ line: [String]) throws(UsageError) -> Outcome {
        // What every other program answers to.
        let line = line == ["--version"] ? ["version"] : line
        let (words, isHelp) = leadingWords(line)
        if words.isEmpty {
            if isHelp || line.isEmpty { return .help(HelpText(commands: commands).overview) }
            throw UsageError(message: "which command? '\(line[0])' comes before none")
        }
        if words[0] == "help" { return .help(try help(Array(words.dropFirst()))) }
        guard let command = find(words) else {
            if isHelp { return .help(try help(words)) }
            throw unknown(words)
        }
        if isHelp { return .help(HelpText(commands: commands).page(command)) }
        return .run(command, try parse(line, command))
    }

    /// The words before the first `--`, without options, as far as that can be said before the
    /// command is known: what follows `--url` is its value.
    private func leadingWords(_ line: [String]) -> (words: [String], isHelp: Bool) {
        var words: [String] = []
        var isHelp = false
        var skips = false
        for word in line {
            if skips {
                skips = false
            } else if word == "--" {
                break
            } else if word == "--help" || word == "-h" {
                isHelp = true
            } else if word == "--url" {
                skips = true
            } else if !word.hasPrefix("-") {
                words.append(word)
            }
        }
        return (words, isHelp)
    }

    private func find(_ words: [String]) -> Command? {
        commands.first { $0.words.count == 2 && words.starts(with: $0.words) }
            ?? commands.first { $0.words.count == 1 && words.starts(with: $0.words) }
    }

    private func help(_ words: [String]) throws(UsageError) -> String {
        let help = HelpText(commands: commands)
        guard let first = words.first else { return help.overview }
        if let command = find(words) { return help.page(command) }
        let group = commands.filter { $0.words.first == first }
        if group.isEmpty { throw unknown(words) }
        return help.list(group)
    }

    private func unknown(_ words: [String]) -> UsageError {
        let group = commands.filter { $0.words.count == 2 && $0.words[0] == words[0] }
        if !group.isEmpty {
            let verbs = group.map { $0.words[1] }
            guard words.count > 1 else {
                return UsageError(
                    message: "'\(words[0])' needs one of: \(verbs.joined(separator: ", "))",
                    command: words[0])
            }
            return UsageError(
                message: "there is no command '\(words[0]) \(words[1])'"
                    + (Suggestion.hint(for: words[1], in: verbs, prefix: words[0] + " ") ?? ""),
                command: words[0])
        }
        let names = Set(commands.map { $0.words[0] })
        return UsageError(
            message: "there is no command '\(words[0])'"
                + (Suggestion.hint(for: words[0], in: names) ?? ""))
    }

    private func parse(_ line: [String], _ command: Command) throws(UsageError) -> Arguments {
        var arguments = Arguments()
        var rest = line[...]
        var plain: [String] = []
        while let word = rest.popFirst() {
            if word == "--" {
                plain += rest
                break
            } else if word.hasPrefix("--") {
                try long(word, &rest, command, &arguments)
            } else if word.hasPrefix("-"), word.count > 1 {
                try short(word, &rest, command, &arguments)
            } else {
                plain.append(word)
            }
        }
        arguments.operands = Array(plain.dropFirst(command.words.count))
        try check(arguments, command)
        return arguments
    }

    private func long(
        _ word: String, _ rest: inout ArraySlice<String>, _ command: Command,
        _ arguments: inout Arguments
    ) throws(UsageError) {
        let parts = word.dropFirst(2)
            .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let options = command.options + CommandOption.common
        guard let option = options.first(where: { $0.long == name }) else {
            throw UsageError(
                message: "there is no option '--\(name)'"
                    + (Suggestion.hint(for: name, in: options.map(\.long), prefix: "--") ?? ""),
                command: command.name)
        }
        let attached = parts.count == 2 ? String(parts[1]) : nil
        try take(option, "--\(name)", attached, &rest, command, &arguments)
    }

    private func short(
        _ word: String, _ rest: inout ArraySlice<String>, _ command: Command,
        _ arguments: inout Arguments
    ) throws(UsageError) {
        let options = command.options + CommandOption.common
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = options.first(where: { $0.short == letter }) else {
                throw UsageError(message: "there is no option '-\(letter)'", command: command.name)
            }
            let attached = option.value != nil && !letters.isEmpty ? String(letters) : nil
            if attached != nil { letters = "" }
            try take(option, "-\(letter)", attached, &rest, command, &arguments)
        }
    }

    private func take(
        _ option: CommandOption, _ shown: String, _ attached: String?,
        _ rest: inout ArraySlice<String>, _ command: Command, _ arguments: inout Arguments
    ) throws(UsageError) {
        func fail(_ message: String) -> UsageError {
            UsageError(message: message, command: command.name)
        }
        if !option.repeats && arguments.has(option.long) {
            throw fail("\(shown) is given twice")
        }
        guard let value = option.value else {
            if attached != nil { throw fail("\(shown) takes no value") }
            return arguments.add(option.long, "")
        }
        guard let given = attached ?? rest.popFirst(), !given.isEmpty else {
            throw fail("\(shown) needs a value: \(shown) \(value)")
        }
        arguments.add(option.long, given)
    }

    private func check(_ arguments: Arguments, _ command: Command) throws(UsageError) {
        let given = arguments.operands.count
        if given < command.operands.count {
            throw UsageError(
                message: "\(command.operands[given]) is missing", command: command.name)
        }
        if given > command.operands.count {
            throw UsageError(
                message: "'\(arguments.operands[command.operands.count])' is too much",
                command: command.name)
        }
        for option in command.options where option.isRequired && !arguments.has(option.long) {
            throw UsageError(
                message: "--\(option.long) \(option.value ?? "") is missing",
                command: command.name)
        }
    }
}
