struct CommandOption: Sendable {
    var long: String
    var short: Character?
    /// The placeholder of the value in the help; `nil` for a flag.
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

    /// Options of every command.
    static let common = [
        CommandOption("json", "print the API response as JSON"),
        CommandOption("url", value: "URL", "URL of the coordinator (default: $AIBUILD_URL)"),
        CommandOption("help", short: "h", "show help for the command"),
    ]
}
