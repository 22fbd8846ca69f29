import Glibc
import Support

/// A program that could not be started, for a reason that lies in its file: it is missing, or no
/// program. Another missing file, or a missing bubblewrap, is a matter of the host.
struct NotRunnable: Error, CustomStringConvertible {
    private let error: SystemError

    var isMissing: Bool { error.errno == ENOENT }
    var description: String { "\(error)" }

    /// What to throw for an error of the start of a program.
    static func or(_ error: SystemError) -> any Error {
        [ENOENT, EACCES, ENOEXEC].contains(error.errno) ? NotRunnable(error: error) : error
    }
}
