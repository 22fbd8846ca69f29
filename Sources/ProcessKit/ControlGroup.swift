import CLinux
import Glibc
import Support

/// A control group (version 2) below this process's own. Everything in it can be killed at once,
/// even processes that forked, or changed their session or environment.
public struct ControlGroup: Sendable {
    public let folder: String

    /// Makes a group below the one of this process.
    /// - Returns: `nil` if the host has no version 2 hierarchy, or none that this process can
    ///   write; the caller then falls back to process groups and `Descendants`.
    public static func make(named name: String) -> ControlGroup? {
        guard let parent = ownFolder() else { return nil }
        let folder = "\(parent)/\(name)"
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { return nil }
        guard access("\(folder)/cgroup.procs", W_OK) == 0 else {
            rmdir(folder)
            return nil
        }
        return ControlGroup(existing: folder)
    }

    /// An existing group.
    public init(existing folder: String) { self.folder = folder }

    /// Names of the groups directly below this process's own.
    public static func siblings() -> [String] {
        guard let parent = ownFolder(), let names = try? Files.list(parent) else { return [] }
        return names.map { "\(parent)/\($0)" }.filter { Files.kind($0) == .folder }
    }

    public var isEmpty: Bool {
        guard let text = Self.text("\(folder)/cgroup.events") else { return true }
        return text.contains("populated 0")
    }

    /// Sends SIGKILL to every process of the group and of those below it.
    public func kill() {
        if (try? Descriptor("\(folder)/cgroup.kill", O_WRONLY).writeAll([UInt8(ascii: "1")])) != nil
        {
            return
        }
        // Kernels before 5.14 have no cgroup.kill. Repeated, because a process may fork.
        for _ in 0..<100 where !isEmpty {
            for word in (Self.text("\(folder)/cgroup.procs") ?? "").split(separator: "\n") {
                if let pid = Int32(word), pid > 1 { _ = Glibc.kill(pid, SIGKILL) }
            }
            poll(nil, 0, Limits.sweepPauseMilliseconds)
        }
    }

    /// Removes the group, with the groups that its processes made in it, once it is empty. Blocks
    /// until killed processes are gone.
    public func remove() {
        let deadline = Clocks.monotonicMilliseconds() + Limits.sweepMilliseconds
        while !isEmpty, Clocks.monotonicMilliseconds() < deadline {
            poll(nil, 0, Limits.sweepPauseMilliseconds)
        }
        Self.removeTree(folder)
    }

    /// A descriptor to which a process writes "0" to join. The caller closes it.
    func openProcesses() throws(SystemError) -> Int32 {
        try Descriptor("\(folder)/cgroup.procs", O_WRONLY).release()
    }

    private static func removeTree(_ folder: String) {
        for name in (try? Files.list(folder)) ?? [] {
            let path = "\(folder)/\(name)"
            if Files.kind(path) == .folder { removeTree(path) }
        }
        rmdir(folder)
    }

    /// The folder of this process's group in the version 2 hierarchy, wherever that is mounted.
    private static func ownFolder() -> String? {
        guard let groups = text("/proc/self/cgroup"), let mounts = text("/proc/self/mountinfo")
        else { return nil }
        return folder(groups: groups, mounts: mounts)
    }

    /// Pure part of `ownFolder`: `groups` and `mounts` as the kernel prints them.
    static func folder(groups: String, mounts: String) -> String? {
        let lines = groups.split(separator: "\n")
        guard let own = lines.first(where: { $0.hasPrefix("0::") })?.dropFirst(3) else {
            return nil
        }
        for line in mounts.split(separator: "\n") {
            // id parent device root mountpoint options … - type source options
            guard let dash = line.range(of: " - ") else { continue }
            guard line[dash.upperBound...].hasPrefix("cgroup2 ") else { continue }
            let fields = line.split(separator: " ")
            guard fields.count > 4 else { continue }
            let root = fields[3] == "/" ? "" : String(fields[3])
            // In a container the mount shows only a part of the hierarchy.
            guard own.hasPrefix(root) else { continue }
            let below = own.dropFirst(root.count)
            return String(fields[4]) + (below == "/" ? "" : String(below))
        }
        return nil
    }

    private static func text(_ path: String) -> String? {
        guard let bytes = try? Files.read(path, limitBytes: Limits.procFileBytes) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// The first occurrence of `needle`, for which the standard library has no search.
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) {
                return start..<index(start, offsetBy: needle.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
