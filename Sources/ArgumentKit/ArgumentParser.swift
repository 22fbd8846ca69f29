import TextKit

/// Parses a command line: `--x value`, `--x=value`, `-x`, `-xy`, `--`, options anywhere.
struct ArgumentParser<Entry: CommandDescription> {
    let program: CommandProgram<Entry>

    private var commands: [Entry] { program.commands }
    private var help: HelpText<Entry> { HelpText(program: program) }
    private var allOptions: [CommandOption] {
        program.commonOptions + commands.flatMap(\.options)
    }

    func parse(_ line: [String]) throws(UsageError) -> CommandProgram<Entry>.Outcome {
        if line == ["help", "--man"] { return .help(ManualPage(program: program).text) }
        // As other programs do.
        var line = line
        if line == ["--version"] {
            if commands.contains(where: { $0.name == "version" }) {
                line = ["version"]
            } else if let version = program.version {
                return .help("\(program.name) \(version)\n")
            }
        }
        let (words, isHelp, unknownOption) = leadingWords(line)
        if words.first == "help" { return .help(try help(Array(words.dropFirst()))) }
        if isHelp { return .help(try help(words)) }
        guard let command = find(words) else {
            // The word after an unknown option may be its value.
            if let unknownOption { throw UsageError(unknownOption: unknownOption, allOptions) }
            throw unknown(words)
        }
        return .run(command, try parse(line, command))
    }

    /// The words before the first `--`, without options and their values, as far as these are known
    /// before the command is.
    private func leadingWords(
        _ line: [String]
    ) -> (words: [String], isHelp: Bool, unknownOption: String?) {
        let flags = Set(allOptions.filter { $0.value == nil }.flatMap(\.spellings))
        let valued = Set(allOptions.flatMap(\.spellings)).subtracting(flags)
        let known = Set(allOptions.map(\.long) + allOptions.compactMap(\.former))
        var words: [String] = []
        var isHelp = false
        var unknownOption: String?
        var skips = false
        for word in line {
            if skips {
                skips = false
            } else if word == "--" {
                break
            } else if word == "--help" || word == "-h" {
                isHelp = true
            } else if valued.contains(word) {
                skips = true
            } else if !word.hasPrefix("-") {
                words.append(word)
            } else if words.isEmpty, word.hasPrefix("--") {
                let name = String(word.dropFirst(2).prefix { $0 != "=" })
                if !known.contains(name) { unknownOption = unknownOption ?? name }
            }
        }
        return (words, isHelp, unknownOption)
    }

    private func find(_ words: [String]) -> Entry? {
        for count in [2, 1] {
            let found = commands.first { $0.words.count == count && words.starts(with: $0.words) }
            if let found { return found }
        }
        // Any other word is an unknown command, unless the program takes operands.
        return program.main.flatMap { words.isEmpty || !$0.operands.isEmpty ? $0 : nil }
    }

    private func help(_ words: [String]) throws(UsageError) -> String {
        guard let first = words.first else { return help.overview }
        if let command = find(words) { return help.page(command) }
        let group = commands.filter { $0.words.first == first }
        if group.isEmpty { throw unknown(words) }
        return help.list(group)
    }

    private func unknown(_ words: [String]) -> UsageError {
        guard let first = words.first else { return UsageError("missing command") }
        let group = commands.filter { $0.words.count == 2 && $0.words[0] == first }
        if !group.isEmpty {
            let verbs = group.map { $0.words[1] }
            guard words.count > 1 else {
                return UsageError(
                    "'\(first)' needs one of: \(verbs.joined(separator: ", "))", command: first)
            }
            let hint = Suggestion.hint(for: words[1], in: verbs, prefix: first + " ") ?? ""
            return UsageError("unknown command '\(first) \(words[1])'" + hint, command: first)
        }
        let names = Set(commands.compactMap { $0.words.first })
        return UsageError(
            "unknown command '\(first)'" + (Suggestion.hint(for: first, in: names) ?? ""))
    }

    private func parse(_ line: [String], _ command: Entry) throws(UsageError) -> Arguments {
        var reading = Reading(command: command, options: program.options(of: command), line: line)
        return try reading.arguments()
    }
}

/// Parses the arguments of a known command.
private struct Reading<Entry: CommandDescription> {
    let command: Entry
    let options: [CommandOption]
    private var rest: ArraySlice<String>
    private var given = Arguments()

    init(command: Entry, options: [CommandOption], line: [String]) {
        self.command = command
        self.options = options
        rest = line[...]
    }

    mutating func arguments() throws(UsageError) -> Arguments {
        var plain: [String] = []
        while let word = rest.popFirst() {
            if word == "--" {
                plain += rest
                break
            } else if word.hasPrefix("--") {
                try long(word)
            } else if word.hasPrefix("-"), word.count > 1 {
                try short(word)
            } else {
                plain.append(word)
            }
        }
        given.operands = Array(plain.dropFirst(command.words.count))
        try check()
        return given
    }

    private var page: String? { command.words.isEmpty ? nil : command.name }

    private func fail(_ message: String) -> UsageError { UsageError(message, command: page) }

    private mutating func long(_ word: String) throws(UsageError) {
        let parts = word.dropFirst(2)
            .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = options.first(where: { $0.long == name || $0.former == name }) else {
            throw UsageError(unknownOption: name, options, command: page)
        }
        if option.former == name {
            given.notes.append(
                "--\(name) is now --\(option.long); the next version no longer takes --\(name)")
        }
        try take(option, "--\(name)", parts.count == 2 ? String(parts[1]) : nil)
    }

    private mutating func short(_ word: String) throws(UsageError) {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = options.first(where: { $0.short == letter }) else {
                throw fail("unknown option '-\(letter)'")
            }
            let attached = option.value != nil && !letters.isEmpty ? String(letters) : nil
            if attached != nil { letters = "" }
            try take(option, "-\(letter)", attached)
        }
    }

    private mutating func take(
        _ option: CommandOption, _ shown: String, _ attached: String?
    ) throws(UsageError) {
        if !option.repeats && given.has(option.long) { throw fail("\(shown) is given twice") }
        guard let value = option.value else {
            if attached != nil { throw fail("\(shown) takes no value") }
            return given.add(option.long, "")
        }
        guard let text = attached ?? rest.popFirst(), !text.isEmpty else {
            throw fail("\(shown) needs a value: \(shown) \(value)")
        }
        given.add(option.long, text)
    }

    private func check() throws(UsageError) {
        let operands = given.operands
        let isOpen = command.operands.last?.hasSuffix("...") == true
        let needed = command.operands.count - (isOpen ? 1 : 0)
        if operands.count < needed {
            throw fail("missing argument: \(command.operands[operands.count])")
        }
        if operands.count > needed, !isOpen {
            throw fail("unexpected argument: '\(operands[needed])'")
        }
        for option in command.options where option.isRequired && !given.has(option.long) {
            throw fail("missing option: --\(option.long) \(option.value ?? "")")
        }
    }
}

extension UsageError {
    fileprivate init(
        unknownOption name: String, _ options: [CommandOption], command: String? = nil
    ) {
        let hint = Suggestion.hint(for: name, in: options.map(\.long), prefix: "--") ?? ""
        self.init("unknown option '--\(name)'" + hint, command: command)
    }
}
