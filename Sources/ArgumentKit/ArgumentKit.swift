//! ArgumentKit: command lines as data. A program lists its commands and options; the parser, the
//! help and the tests use the same table. It prints nothing and ends no process.

/// The command line is wrong.
public struct UsageError: Error, Sendable, CustomStringConvertible {
    /// The exit code of a program with a wrong command line.
    public static let exitCode: Int32 = 2

    public var message: String
    /// The command whose help to read; `nil` for the overview.
    public var command: String?

    public init(_ message: String, command: String? = nil) {
        self.message = message
        self.command = command
    }

    public var description: String { message }
}

/// The options and operands of a command.
public struct Arguments: Sendable {
    public internal(set) var operands: [String] = []
    /// What to tell the user about the command line, which is valid.
    public internal(set) var notes: [String] = []
    private var values: [String: [String]] = [:]

    public subscript(option: String) -> String? { values[option]?.last }

    public func has(_ option: String) -> Bool { values[option] != nil }
    public func all(_ option: String) -> [String] { values[option] ?? [] }

    /// - Throws: `UsageError` for a value that is not a whole number in the range.
    public func int(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = self[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "--\(option): expected a number from \(range.lowerBound) to \(range.upperBound), "
                    + "found '\(text)'")
        }
        return number
    }

    mutating func add(_ option: String, _ value: String) {
        values[option, default: []].append(value)
    }
}
