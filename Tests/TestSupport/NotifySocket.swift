import Glibc
import Support

/// A service manager's datagram socket, whose path is in `NOTIFY_SOCKET`.
public final class NotifySocket: Sendable {
    private let folder: TemporaryFolder
    private let path: String
    private let socket: Descriptor

    public init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/notify"
        socket = Descriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw SystemError.last("cannot bind \(path)") }
    }

    /// The environment that the manager gives a program whose unit has `Type=notify` and
    /// `WatchdogSec`.
    public func environment(watchdogMilliseconds: Int) -> [String: String] {
        ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "\(watchdogMilliseconds * 1000)"]
    }

    /// The assignments of the next message; `nil` when there is none.
    public func next() -> [String]? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count >= 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
            .map(String.init)
    }

    /// All messages that have arrived.
    public func all() -> [[String]] {
        var messages: [[String]] = []
        while let message = next() { messages.append(message) }
        return messages
    }

    /// Returns the first message that contains the assignment.
    @discardableResult
    public func wait(for assignment: String, seconds: Int64 = 90) async throws -> [String] {
        try await eventually("\(assignment) comes", seconds: seconds) {
            while let message = next() { if message.contains(assignment) { return message } }
            return nil
        }
    }
}
