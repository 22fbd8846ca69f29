/// `--long VALUE`, `-s VALUE`, or a flag.
public struct CommandOption: Sendable {
    public var long: String
    public var short: Character?
    /// The placeholder of the value in the help; `nil` for a flag.
    public var value: String?
    public var help: String
    public var isRequired: Bool
    public var repeats: Bool

    public init(
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

    /// `--long`, and `-s` if it has one.
    var spellings: [String] { ["--" + long] + (short.map { ["-\($0)"] } ?? []) }

    /// Accepted by every program and every command.
    static let help = CommandOption("help", short: "h", "explain the command")
}
