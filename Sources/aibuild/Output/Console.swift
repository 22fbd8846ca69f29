import Glibc
import Support

/// Where a command writes and reads answers. Tests substitute their own.
struct Console: Sendable {
    /// Writes to stdout: the result.
    var out: @Sendable (String) -> Void
    /// Writes to stderr: messages and progress.
    var err: @Sendable (String) -> Void
    var outIsTerminal: Bool
    var errIsTerminal: Bool
    /// Columns of the terminal.
    var width: @Sendable () -> Int
    /// Asks the user for one line; `nil` if stdin is not a terminal.
    var ask: @Sendable (String) -> String?
    /// The same, for what nobody is to read on the terminal.
    var askSecret: @Sendable (String) -> String? = { _ in nil }

    static var standard: Console {
        Console(
            out: { write($0, to: 1) }, err: { write($0, to: 2) },
            outIsTerminal: isatty(1) == 1, errIsTerminal: isatty(2) == 1,
            width: {
                var size = winsize()
                let known = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
                return known ? Int(size.ws_col) : 80
            },
            ask: { question in
                guard isatty(0) == 1 else { return nil }
                write(question, to: 2)
                return readLine()
            },
            askSecret: { question in
                var settings = termios()
                guard tcgetattr(0, &settings) == 0 else { return nil }
                var silent = settings
                silent.c_lflag &= ~tcflag_t(ECHO)
                write(question, to: 2)
                tcsetattr(0, TCSAFLUSH, &silent)
                defer {
                    tcsetattr(0, TCSAFLUSH, &settings)
                    write("\n", to: 2)
                }
                return readLine()
            })
    }

    private static func write(_ text: String, to fd: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(fd, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    // The reader is gone (`aibuild logs … | head`): nothing more to do.
                    if errno == EPIPE { exit(128 + SIGPIPE) }
                    let error = SystemError.last("cannot write the output")
                    if fd == 1 { write("aibuild: \(error)\n", to: 2) }
                    exit(ExitCode.output.rawValue)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
