import Glibc
import Support

extension SystemError {
    /// Nothing listens on the socket.
    var isNotListening: Bool { [ECONNREFUSED, ENOENT].contains(errno) }
}
