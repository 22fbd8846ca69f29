import CMicroHTTPD
import Glibc
import Support

/// Opens the socket that the server listens on. This is not left to the library, so that failures
/// can be told apart.
enum Listener {
    /// - Parameter port: 0 for any free one.
    static func open(
        host: String, port: UInt16, portSetting: String
    ) throws(HTTPServerError) -> Descriptor {
        let address = try resolve(host, port)
        defer { freeaddrinfo(address) }
        let info = address.pointee
        let raw = socket(
            info.ai_family,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
                | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard raw >= 0 else {
            throw failure(errno, host, port, portSetting)
        }
        let descriptor = Descriptor(owning: raw)
        var on: Int32 = 1
        // A restarted server may take its port while old connections linger in TIME_WAIT.
        setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if bind(raw, info.ai_addr, info.ai_addrlen) != 0 || listen(raw, 1024) != 0 {
            throw failure(errno, host, port, portSetting)
        }
        return descriptor
    }

    private static func failure(
        _ code: Int32, _ host: String, _ port: UInt16, _ portSetting: String
    ) -> HTTPServerError {
        switch code {
        case EADDRINUSE:
            HTTPServerError(
                "port \(port) on \(host) is in use by "
                    + "\(PortOwner.find(port) ?? "another program"); "
                    + "stop it or choose another with \(portSetting)")
        case EACCES:
            HTTPServerError(
                "port \(port) is reserved for privileged programs; "
                    + "choose one above 1023 with \(portSetting)")
        case EADDRNOTAVAIL:
            HTTPServerError(
                "cannot listen on \(host): no interface of this machine has that address")
        default:
            HTTPServerError(
                cause: SystemError(errno: code, "cannot listen on \(host) port \(port)"))
        }
    }

    /// Numeric addresses only: a name would make the start depend on a name server.
    private static func resolve(
        _ host: String, _ port: UInt16
    ) throws(HTTPServerError) -> UnsafeMutablePointer<addrinfo> {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let numeric = host == "localhost" ? "127.0.0.1" : host
        guard getaddrinfo(numeric, String(port), &hints, &found) == 0, let found else {
            throw HTTPServerError(
                "cannot listen on '\(host)': it is no IP address; write 127.0.0.1 for this machine "
                    + "only, 0.0.0.0 or :: for all its interfaces")
        }
        return found
    }

    /// The port of a listening socket.
    static func boundPort(_ raw: Int32) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes -> UInt16? in
            guard let base = bytes.baseAddress else { return nil }
            let address = base.assumingMemoryBound(to: sockaddr.self)
            guard getsockname(raw, address, &length) == 0 else { return nil }
            // The port is at the same place in the addresses of both families.
            return base.assumingMemoryBound(to: sockaddr_in.self).pointee.sin_port.bigEndian
        }
    }
}
