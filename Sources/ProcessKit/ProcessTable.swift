import CLinux
import Glibc
public import Support

/// The processes in `/proc`, for finding those that no parent controls any more.
public enum ProcessTable {
    public struct Entry: Sendable, Hashable {
        public var pid: Int32
        public var parent: Int32
        public var isZombie: Bool
    }

    public static func all() -> [Entry] {
        ids().compactMap { pid in
            guard let stat = read(pid, "stat") else { return nil }
            return parse(stat: stat, pid: pid)
        }
    }

    /// Processes that were started with the environment variable `name`, with its value, if
    /// `isWanted`. Those of other users are not visible.
    public static func withVariable(
        _ name: String, where isWanted: (String) -> Bool
    ) -> [(pid: Int32, value: String)] {
        ids().compactMap { pid in
            guard let value = variable(name, of: pid), isWanted(value) else { return nil }
            return (pid, value)
        }
    }

    /// Sends SIGKILL to `pid` if its environment still has `name=value`: the process id may have
    /// been reused since it was looked up, and a pidfd pins the process while it is checked.
    public static func kill(_ pid: Int32, withVariable name: String, _ value: String) {
        let pidfd = Descriptor(owning: aib_pidfd_open(pid))
        guard pidfd.raw >= 0, variable(name, of: pid) == value else { return }
        _ = aib_pidfd_signal(pidfd.raw, SIGKILL)
    }

    /// Sends SIGKILL to the process behind a handle.
    public static func kill(_ pidfd: borrowing Descriptor) {
        _ = aib_pidfd_signal(pidfd.raw, SIGKILL)
    }

    /// A handle on a process that is not a child; readable once it has exited. `nil` if it is gone.
    public static func open(_ pid: Int32) -> Descriptor? {
        let pidfd = aib_pidfd_open(pid)
        return pidfd < 0 ? nil : Descriptor(owning: pidfd)
    }

    static func parse(stat: [UInt8], pid: Int32) -> Entry? {
        // `pid (name) state ppid …`; the name may hold spaces and parentheses.
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let rest = String(decoding: stat[stat.index(after: end)...], as: UTF8.self)
        let fields = rest.split(separator: " ", maxSplits: 2)
        guard fields.count > 1, let parent = Int32(fields[1]) else { return nil }
        return Entry(pid: pid, parent: parent, isZombie: fields[0] == "Z")
    }

    private static func variable(_ name: String, of pid: Int32) -> String? {
        guard let environment = read(pid, "environ") else { return nil }
        let prefix = Array("\(name)=".utf8)
        for variable in environment.split(separator: 0) where variable.starts(with: prefix) {
            return String(decoding: variable.dropFirst(prefix.count), as: UTF8.self)
        }
        return nil
    }

    private static func ids() -> [Int32] {
        ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) }
    }

    private static func read(_ pid: Int32, _ file: String) -> [UInt8]? {
        try? Files.read("/proc/\(pid)/\(file)", limitBytes: Limits.procFileBytes)
    }
}
