import Glibc
import Support

/// The program that listens on a port, if this user may see it in `/proc`.
enum PortOwner {
    /// `"nginx (pid 812)"`, or `nil`.
    static func find(_ port: UInt16) -> String? {
        let sockets = ListeningSocket.all(onPort: port)
        guard !sockets.isEmpty else { return nil }
        let links = Set(sockets.map { "socket:[\($0.inode)]" })
        let processes = ((try? Files.list("/proc")) ?? []).filter { Int($0) != nil }
        for pid in processes where holds(pid, links) {
            let name = (try? Files.read("/proc/\(pid)/comm", limitBytes: 64 << 10)) ?? []
            let text = String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            return "\(text) (pid \(pid))"
        }
        return nil
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
