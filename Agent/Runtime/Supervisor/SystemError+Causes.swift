import Glibc
import Support

extension SystemError {
    /// The program is missing, or the system cannot execute it.
    var isNotExecutable: Bool { [ENOENT, EACCES, ENOEXEC].contains(errno) }

    /// Nothing listens on the socket.
    var isNotListening: Bool { [ECONNREFUSED, ENOENT].contains(errno) }
}
