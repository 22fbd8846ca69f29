import Glibc
import ProcessKit
import Support
import Synchronization

/// Ports for test servers, below 32768, where the kernel assigns none by itself.
public enum LoopbackPort {
    /// Each is given out once; otherwise two tests could get the same one before its server
    /// listens.
    private static let given = Mutex<Set<UInt16>>([])

    /// A port of 127.0.0.1 that was free a moment ago and that no other test of this process gets.
    /// Another process may take it before the server does.
    public static func free() throws -> UInt16 {
        for _ in 0..<100 {
            if let (socket, port) = bound() {
                close(socket)
                return port
            }
        }
        throw Failure("no free port found on loopback")
    }

    /// A non-blocking socket that listens on a port of 127.0.0.1; the caller closes it.
    public static func listen() throws -> (socket: Int32, port: UInt16) {
        for _ in 0..<100 {
            guard let (socket, port) = bound() else { continue }
            if Glibc.listen(socket, 16) == 0 { return (socket, port) }
            close(socket)
        }
        throw Failure("no free port found on loopback")
    }

    private static func bound() -> (socket: Int32, port: UInt16)? {
        let port = UInt16.random(in: 12_000..<32_000)
        guard given.withLock({ $0.insert(port).inserted }) else { return nil }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(AF_INET, type, 0)
        if LoopbackSocket.bind(socket, port: port) { return (socket, port) }
        close(socket)
        return nil
    }
}
