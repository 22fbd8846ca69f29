import Glibc
import Support

/// The program that listens on a port, if this user may see it in `/proc`.
enum PortOwner {
    /// `"nginx (pid 812)"`, or `nil`.
    static func find(_ port: UInt16) -> String? {
        let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners(port, table: $0) }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        let processes = ((try? Files.list("/proc")) ?? []).filter { Int($0) != nil }
        for pid in processes where holds(pid, links) {
            let name = (try? Files.read("/proc/\(pid)/comm", limitBytes: 64 << 10)) ?? []
            let text = String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            return "\(text) (pid \(pid))"
        }
        return nil
    }

    /// Inodes of the sockets in `table` that listen on `port`.
    private static func listeners(_ port: UInt16, table: String) -> [Substring] {
        guard let bytes = try? Files.read(table, limitBytes: 4 << 20) else { return [] }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(separator: "\n").dropFirst().compactMap { line in
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A",
                let hexPort = fields[1].split(separator: ":").last,
                UInt16(hexPort, radix: 16) == port
            else { return nil }
            return fields[9]
        }
    }

    private static func holds(_ pid: String, _ links: Set<String>) -> Bool {
        let folder = "/proc/\(pid)/fd"
        guard let names = try? Files.list(folder) else { return false }
        return names.contains { name in
            var target = [CChar](repeating: 0, count: 64)
            let count = readlink("\(folder)/\(name)", &target, target.count)
            guard count > 0 else { return false }
            return links.contains(
                String(decoding: target.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
    }
}
