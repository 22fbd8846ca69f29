/// A command of a program.
public protocol CommandDescription: Sendable {
    /// One word or two: `host add`. Empty for the program without a command.
    var name: String { get }
    var summary: String { get }
    /// The names of the operands, in order. A last one that ends in `...` stands for any number.
    var operands: [String] { get }
    var options: [CommandOption] { get }
    /// Additional help, in whole lines.
    var details: [String] { get }
    var examples: [String] { get }
}

extension CommandDescription {
    public var details: [String] { [] }
    public var examples: [String] { [] }

    var words: [String] { name.split(separator: " ").map(String.init) }
}

/// A command of a program with few commands.
public struct PlainCommand: CommandDescription {
    public var name: String
    public var summary: String
    public var operands: [String]
    public var options: [CommandOption]

    public init(
        _ name: String, _ summary: String, operands: [String] = [],
        options: [CommandOption] = []
    ) {
        self.name = name
        self.summary = summary
        self.operands = operands
        self.options = options
    }
}

/// `--long VALUE`, `-s VALUE`, or a flag.
public struct CommandOption: Sendable {
    public var long: String
    public var short: Character?
    /// The placeholder of the value in the help; `nil` for a flag.
    public var value: String?
    public var help: String
    public var isRequired: Bool
    public var repeats: Bool
    /// Its name in the version before, which is accepted with a note.
    public var former: String?

    public init(
        _ long: String, short: Character? = nil, value: String? = nil, _ help: String,
        isRequired: Bool = false, repeats: Bool = false, former: String? = nil
    ) {
        self.long = long
        self.short = short
        self.value = value
        self.help = help
        self.isRequired = isRequired
        self.repeats = repeats
        self.former = former
    }

    /// `--long`, `-s` and its former name, as far as it has them.
    var spellings: [String] {
        ["--" + long] + (short.map { ["-\($0)"] } ?? []) + (former.map { ["--" + $0] } ?? [])
    }

    /// What follows its help.
    var note: String {
        (isRequired ? " (required)" : "") + (repeats ? " (may be repeated)" : "")
    }

    /// Accepted by every program and every command.
    static let help = CommandOption("help", short: "h", "explain the command")
}
