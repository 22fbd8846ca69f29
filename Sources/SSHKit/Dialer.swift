import CLinux
import Glibc
import LoopKit
import Support

/// Opens the TCP connection.
enum Dialer {
    /// Connects a non-blocking socket; the addresses of a name are tried in turn.
    /// - Throws: `SSHError` (`nameUnknown`, `refused`, `unreachable`, `timedOut`),
    ///   `CancellationError`.
    static func dial(
        _ endpoint: SSHEndpoint, deadlineMilliseconds: Int64, loop: EventLoop
    ) async throws -> Descriptor {
        let addresses = try await Resolver.addresses(
            of: endpoint, deadlineMilliseconds: deadlineMilliseconds, loop: loop)
        var failure = SSHError(.nameUnknown, "The name \(endpoint.host) has no address.")
        for (index, address) in addresses.enumerated() {
            // Each address gets its share of the remaining time, so that one that drops packets
            // does not prevent the others from being tried.
            let now = Clocks.monotonicMilliseconds()
            let share = max(0, deadlineMilliseconds - now) / Int64(addresses.count - index)
            let code = try await connect(address, deadlineMilliseconds: now + share, loop: loop)
            if code >= 0 { return Descriptor(owning: code) }
            failure = error(-code, endpoint)
        }
        throw failure
    }

    /// A socket, or -errno.
    private static func connect(
        _ address: Resolver.Address, deadlineMilliseconds: Int64, loop: EventLoop
    ) async throws -> Int32 {
        let code = address.withUnsafeBytes { raw -> Int32 in
            guard let base = raw.baseAddress else { return -EAFNOSUPPORT }
            return aib_tcp_connect(
                base.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
        }
        guard code >= 0 else { return code }
        let outcome: Int32
        do {
            let isReady = try await loop.wait(
                fd: code, for: .writable, deadlineMilliseconds: deadlineMilliseconds)
            outcome = isReady ? aib_socket_error(code) : -ETIMEDOUT
        } catch {
            loop.forget(fd: code)
            close(code)
            throw error
        }
        if outcome == 0 { return code }
        loop.forget(fd: code)
        close(code)
        return outcome
    }

    private static func error(_ errno: Int32, _ endpoint: SSHEndpoint) -> SSHError {
        let place = endpoint.place
        switch errno {
        case ECONNREFUSED:
            return SSHError(
                .refused,
                "\(place) refused the connection: no SSH server listens there. Check the port, and "
                    + "that sshd runs on the host.")
        case ETIMEDOUT:
            return SSHError(
                .timedOut,
                "\(place) did not answer in time. Check that the host is up and that no firewall "
                    + "drops the connection.")
        default:
            return SSHError(
                .unreachable,
                "Cannot connect to \(place). Check the network between here and the host.",
                cause: SystemError(errno: errno, "cannot connect"))
        }
    }
}
