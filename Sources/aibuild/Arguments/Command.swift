/// What a command is, as data: the parser, the help and the tests read the same table.
struct Command: Sendable {
    /// `host add`.
    var name: String
    var summary: String
    /// What stands in the command line, in order.
    var operands: [String] = []
    var options: [CommandOption] = []
    /// More than the summary says, in whole lines.
    var details: [String] = []
    var examples: [String]
    var run: @Sendable (CommandContext) async throws -> ExitCode

    var words: [String] { name.split(separator: " ").map(String.init) }
}

struct CommandOption: Sendable {
    var long: String
    var short: Character?
    /// How the value is called in the help; `nil` for a flag.
    var value: String?
    var help: String
    var isRequired = false
    var repeats = false

    init(
        _ long: String, short: Character? = nil, value: String? = nil, _ help: String,
        isRequired: Bool = false, repeats: Bool = false
    ) {
        self.long = long
        self.short = short
        self.value = value
        self.help = help
        self.isRequired = isRequired
        self.repeats = repeats
    }

    /// Known to every command.
    static let common = [
        CommandOption("json", "print the API's answer as it is, for programs"),
        CommandOption("url", value: "URL", "the coordinator (or AIBUILD_URL)"),
        CommandOption("help", short: "h", "explain the command"),
    ]
}

/// What was given to a command.
struct Arguments: Sendable {
    var operands: [String] = []
    private var values: [String: [String]] = [:]

    subscript(option: String) -> String? { values[option]?.last }

    func has(_ option: String) -> Bool { values[option] != nil }
    func all(_ option: String) -> [String] { values[option] ?? [] }

    mutating func add(_ option: String, _ value: String) {
        values[option, default: []].append(value)
    }
}
