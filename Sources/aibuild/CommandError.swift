import Support

/// Ends a command with a message and an exit code.
struct CommandError: Error {
    var code: ExitCode
    var message: String

    init(_ code: ExitCode, _ message: String) {
        self.code = code
        self.message = message
    }

    /// An error of the system, such as `Cannot read x: No such file or directory`.
    init(_ code: ExitCode, _ error: SystemError) {
        let text = "\(error)"
        self.init(code, text.prefix(1).uppercased() + text.dropFirst())
    }
}
