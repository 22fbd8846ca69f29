/// A program, as its command line presents it.
public struct CommandProgram<Entry: CommandDescription>: Sendable {
    let name: String
    let summary: String
    let commands: [Entry]
    let commonOptions: [CommandOption]
    let notes: String
    let version: String?
    let section: Int
    let related: [String]

    /// - Parameters:
    ///   - commonOptions: accepted by every command, in addition to `--help`.
    ///   - notes: shown in the overview after commands and options. A line without indentation
    ///     is the title of those that follow.
    ///   - version: printed for `--version` if no command does it, and in the manual page.
    ///   - section: of the manual, in which the page of the program is.
    ///   - related: other pages of the manual, such as `git(1)`.
    public init(
        _ name: String, _ summary: String, commands: [Entry],
        commonOptions: [CommandOption] = [], notes: String = "", version: String? = nil,
        section: Int = 1, related: [String] = []
    ) {
        self.name = name
        self.summary = summary
        self.commands = commands
        self.commonOptions = commonOptions + [.help]
        self.notes = notes
        self.version = version
        self.section = section
        self.related = related
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

    /// What the shell reads to complete command lines of this program.
    public func completion(for shell: Shell) -> String {
        Completion(program: self).text(for: shell)
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
