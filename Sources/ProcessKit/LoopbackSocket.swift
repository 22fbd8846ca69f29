import Glibc

/// Operations on TCP sockets of this machine.
public enum LoopbackSocket {
    /// Connects a socket to a port of 127.0.0.1.
    /// - Returns: whether that succeeded; otherwise `errno` has the reason.
    public static func connect(_ socket: Int32, port: UInt16) -> Bool {
        withAddress(port, in_addr_t(0x7F00_0001)) { Glibc.connect(socket, $0, $1) == 0 }
    }

    /// Binds a socket to a port of 127.0.0.1, or of all addresses.
    /// - Returns: whether that succeeded; otherwise `errno` has the reason.
    public static func bind(
        _ socket: Int32, port: UInt16, toAllAddresses isForAll: Bool = false
    ) -> Bool {
        withAddress(port, isForAll ? 0 : 0x7F00_0001) { Glibc.bind(socket, $0, $1) == 0 }
    }

    private static func withAddress<R>(
        _ port: UInt16, _ host: in_addr_t, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = host.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
