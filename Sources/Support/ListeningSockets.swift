import TextKit

/// The TCP sockets that listen on this machine, by the kernel's tables.
public struct ListeningSocket: Sendable, Hashable {
    public var inode: String
    /// The user whose program opened it.
    public var user: UInt32

    /// Those that listen on a port, whatever their address.
    public static func all(onPort port: UInt16) -> [ListeningSocket] {
        ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(port, table: $0) }
    }

    private static let isListening: Substring = "0A"

    private static func listeners(_ port: UInt16, table: String) -> [ListeningSocket] {
        guard let bytes = try? Files.read(table, limitBytes: 4 << 20) else { return [] }
        return String(decoding: bytes, as: UTF8.self).lines.dropFirst().compactMap { line in
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == isListening,
                let hexPort = fields[1].split(separator: ":").last,
                UInt16(hexPort, radix: 16) == port, let user = UInt32(fields[7])
            else { return nil }
            return ListeningSocket(inode: String(fields[9]), user: user)
        }
    }
}
