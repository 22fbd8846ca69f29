/// A program, as its command line presents it.
public struct CommandProgram<Entry: CommandDescription>: Sendable {
    let name: String
    let summary: String
    let commands: [Entry]
    let commonOptions: [CommandOption]
    let notes: String

    /// - Parameters:
    ///   - commonOptions: accepted by every command, in addition to `--help`.
    ///   - notes: shown in the overview after commands and options.
    public init(
        _ name: String, _ summary: String, commands: [Entry],
        commonOptions: [CommandOption] = [], notes: String = ""
    ) {
        self.name = name
        self.summary = summary
        self.commands = commands
        self.commonOptions = commonOptions + [.help]
        self.notes = notes
    }

    /// The outcome of parsing.
    public enum Outcome {
        /// Print this text and exit with 0.
        case help(String)
        case run(Entry, Arguments)
    }

    /// - Parameter line: without the program's own name.
    public func parse(_ line: [String]) throws(UsageError) -> Outcome {
        try ArgumentParser(program: self).parse(line)
    }

    /// The message for standard error: two lines, the last one without a newline.
    public func complaint(_ error: UsageError) -> String {
        let page = error.command.map { " \($0)" } ?? ""
        return "\(name): \(error.message)\nsee: \(name)\(page) --help"
    }

    /// The program without a command; `nil` if it needs one.
    var main: Entry? { commands.first { $0.words.isEmpty } }

    /// An option of a command's own takes the place of a common one of that name.
    func options(of command: Entry) -> [CommandOption] {
        let own = Set(command.options.map(\.long))
        return command.options + commonOptions.filter { !own.contains($0.long) }
    }
}
