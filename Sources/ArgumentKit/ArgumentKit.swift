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
