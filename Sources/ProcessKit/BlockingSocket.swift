import CLinux
import Glibc
public import Support

/// Blocking Unix sockets.
public enum BlockingSocket {
    /// Connects to a Unix socket; waits up to 5 s while the listener is too busy to accept.
    /// - Throws: `SystemError` (`ENOENT` or `ECONNREFUSED` if there is no listener).
    public static func connect(
        _ path: String, untilMilliseconds: Int64 = .max
    ) throws(SystemError) -> Descriptor {
        let deadline = min(
            untilMilliseconds, Clocks.monotonicMilliseconds() + Limits.connectMilliseconds)
        while true {
            let raw = aib_unix_connect(path)
            if raw == -EAGAIN, Clocks.monotonicMilliseconds() < deadline {
                poll(nil, 0, Limits.connectPauseMilliseconds)
                continue
            }
            let socket = Descriptor(owning: try checked(raw, "cannot connect to \(path)"))
            try checked(aib_set_blocking(socket.raw), "cannot use the connection to \(path)")
            return socket
        }
    }

    /// The process id of the listener.
    public static func peer(_ socket: borrowing Descriptor) -> Int32? {
        let pid = aib_peer_pid(socket.raw)
        return pid > 0 ? pid : nil
    }
}
