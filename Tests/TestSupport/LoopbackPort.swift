import Glibc
import Support
import Synchronization

/// Ports for servers of tests: below 32768, where the kernel takes none by itself.
public enum LoopbackPort {
    /// Each is given once, or two tests at a time would get the same before its server listens.
    private static let given = Mutex<Set<UInt16>>([])

    /// A port of 127.0.0.1 that nobody listened on a moment ago, and that no other test of this
    /// process gets. Another process may take it before the server does.
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
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return (socket, port) }
        close(socket)
        return nil
    }
}
