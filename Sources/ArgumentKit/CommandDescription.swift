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
