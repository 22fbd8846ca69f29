/// A shell for which a program can print its completion.
public enum Shell: String, CaseIterable, Sendable {
    case bash, zsh, fish
}

/// What a shell can complete, made of the same table as the help.
struct Completion<Entry: CommandDescription> {
    let program: CommandProgram<Entry>

    func text(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    /// A word that can follow, and what it means.
    typealias Word = (name: String, meaning: String)

    /// Those with a command, with two words before one: the first that a line begins with is it.
    var commands: [Entry] {
        program.commands.filter { !$0.words.isEmpty }.sorted { $0.words.count > $1.words.count }
    }

    var firstWords: [Word] {
        var seen: Set<String> = []
        return program.commands.compactMap { command in
            guard let word = command.words.first, seen.insert(word).inserted else { return nil }
            let own = program.commands.first { $0.words == [word] }
            return (word, own?.summary ?? verbs(word).map(\.name).joined(separator: ", "))
        }
    }

    /// The first words that second ones can follow.
    var groups: [String] { firstWords.map(\.name).filter { !verbs($0).isEmpty } }

    func verbs(_ group: String) -> [Word] {
        program.commands.filter { $0.words.count == 2 && $0.words[0] == group }
            .map { ($0.words[1], $0.summary) }
    }

    func options(_ command: Entry) -> [Word] {
        program.options(of: command).map { ("--" + $0.long, $0.help) }
    }

    /// Options, as they are written, whose value is the next word.
    var valued: [String] { spellings { $0.value != nil } }
    var valuedByFiles: [String] { spellings { $0.takesFile } }

    private func spellings(_ matches: (CommandOption) -> Bool) -> [String] {
        let options = program.commonOptions + program.commands.flatMap(\.options)
        return Set(options.filter(matches).flatMap(\.spellings)).sorted()
    }

    func takesFiles(_ command: Entry) -> Bool {
        command.operands.contains { CommandOption.isFile($0) }
    }

    /// A name for functions of a shell.
    var function: String { "_" + program.name.replacing("-", with: "_") }

    static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}

extension CommandOption {
    fileprivate var takesFile: Bool { value.map(Self.isFile) ?? false }

    fileprivate static func isFile(_ placeholder: String) -> Bool {
        ["FILE", "FOLDER", "DIR", "PATH"].contains(placeholder.prefix { $0 != "." })
    }
}
