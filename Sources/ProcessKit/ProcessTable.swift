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

    /// The children of a process, zombies included. One that starts or exits meanwhile may hide
    /// another, so an empty list proves nothing.
    static func children(of pid: Int32) -> [Int32] {
        let threads = (try? Files.list("/proc/\(pid)/task")) ?? []
        return threads.flatMap { thread in
            let text = read(pid, "task/\(thread)/children") ?? []
            return text.split(separator: UInt8(ascii: " ")).compactMap {
                Int32(String(decoding: $0, as: UTF8.self))
            }
        }
    }

    /// Processes that were started with the environment variable `name`, with its value, if
    /// `isWanted`. Those of other users are not visible.
    ///
    /// - Parameter other: a variable, with its value, that they must carry as well.
    public static func withVariable(
        _ name: String, beside other: (name: String, value: String)? = nil,
        where isWanted: (String) -> Bool
    ) -> [(pid: Int32, value: String)] {
        ids().compactMap { pid in
            guard let environment = read(pid, "environ"),
                let value = variable(name, in: environment), isWanted(value),
                other.map({ variable($0.name, in: environment) == $0.value }) ?? true
            else { return nil }
            return (pid, value)
        }
    }

    /// Sends SIGKILL to `pid` if its environment still has `name=value`: the process id may have
    /// been reused since it was looked up, and a pidfd pins the process while it is checked.
    public static func kill(_ pid: Int32, withVariable name: String, _ value: String) {
        let pidfd = Descriptor(owning: aib_pidfd_open(pid))
        guard pidfd.raw >= 0, let environment = read(pid, "environ"),
            variable(name, in: environment) == value
        else { return }
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

    private static func variable(_ name: String, in environment: [UInt8]) -> String? {
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
