import CLinux
import Glibc
import Support

/// Resource usage and traffic of another process of the same user, as counted by the kernel.
public enum ProcessCounters {
    /// A connection or network device of a process.
    public struct Channel: Sendable, Hashable {
        /// Constant for the lifetime of the connection.
        public var id: String
        /// `nil` for a device.
        public var localPort: Int?
        /// Of a connection, in both directions; of a device, what the process sent into it.
        public var bytes: Int64
    }

    /// Processes that the kernel has killed since boot because memory ran out, in any control
    /// group; 0 if it does not count them.
    public static func outOfMemoryKills() -> Int64 {
        let lines = read("/proc/vmstat")?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix("oom_kill ") }?.split(separator: " ")
        return words?.last.flatMap { Int64($0) } ?? 0
    }

    /// User and system time.
    public static func cpuMilliseconds(_ pid: Int32) -> Int64? {
        guard let stat = read("/proc/\(pid)/stat"),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        // After the name: state is field 3, user and system time are 14 and 15.
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Int64(fields[11]), let system = Int64(fields[12]) else {
            return nil
        }
        return (user + system) * 1000 / Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }

    /// TCP connections and tap devices, or `nil` if the kernel denies access.
    public static func network(_ pid: Int32) -> [Channel]? {
        guard let pidfd = ProcessTable.open(pid),
            let names = try? Files.list("/proc/\(pid)/fd")
        else { return nil }
        var channels: [Channel] = []
        for descriptor in names.compactMap({ Int32($0) }) {
            let target = link("/proc/\(pid)/fd/\(descriptor)")
            if target == "/dev/net/tun" {
                if let tap = tap(pid, descriptor) { channels.append(tap) }
            } else if target.hasPrefix("socket:") {
                var port: Int32 = 0
                var inode: UInt64 = 0
                var bytes: Int64 = 0
                let found = aib_tcp_counters(pidfd.raw, descriptor, &port, &inode, &bytes)
                if found < 0 { return nil }
                guard found == 1 else { continue }
                channels.append(
                    Channel(id: "socket \(inode)", localPort: Int(port), bytes: bytes))
            }
        }
        return channels
    }

    /// What the process sent is what the tap device received.
    private static func tap(_ pid: Int32, _ descriptor: Int32) -> Channel? {
        guard let info = read("/proc/\(pid)/fdinfo/\(descriptor)"),
            let line = info.split(separator: "\n").first(where: { $0.hasPrefix("iff:") })
        else { return nil }
        let name = line.dropFirst("iff:".count).filter { $0 != "\t" && $0 != " " }
        guard !name.isEmpty, !name.contains("/"),
            let text = read("/sys/class/net/\(name)/statistics/rx_bytes"),
            let bytes = Int64(text.prefix { $0.isNumber })
        else { return nil }
        return Channel(id: "tap \(name)", bytes: bytes)
    }

    private static func read(_ path: String) -> String? {
        guard let bytes = try? Files.read(path, limitBytes: Limits.procFileBytes) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func link(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return "" }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
