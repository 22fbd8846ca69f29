import Glibc
import Support

/// What the kernel enforces for the processes of a group together.
public struct GroupLimits: Sendable, Hashable {
    public var memoryBytes: Int64
    public var processes: Int
    /// The share of the processors that it gets if others want them too, 1 to 10,000; groups
    /// without one have 100.
    public var processorWeight: Int

    public init(memoryBytes: Int64, processes: Int, processorWeight: Int) {
        self.memoryBytes = memoryBytes
        self.processes = processes
        self.processorWeight = processorWeight
    }
}

/// A control group (version 2) below the agent's. Everything in it can be killed at once, even
/// processes that forked, or changed their session or environment.
public struct ControlGroup: Sendable {
    public let folder: String

    /// Makes a group in the delegated part of the tree, or else below the one of this process.
    /// - Returns: `nil` if the host has no version 2 hierarchy, or none that this process can
    ///   write; the caller then falls back to process groups and `Descendants`.
    public static func make(named name: String) -> ControlGroup? {
        guard let parent = DelegatedGroup.folder() else { return nil }
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

    /// Names of the groups where `make` puts them.
    public static func siblings() -> [String] {
        guard let parent = DelegatedGroup.folder(), let names = try? Files.list(parent) else {
            return []
        }
        return names.map { "\(parent)/\($0)" }.filter { Files.kind($0) == .folder }
    }

    public var isEmpty: Bool {
        guard let text = Self.text("\(folder)/cgroup.events") else { return true }
        return text.contains("populated 0")
    }

    /// Sets the limits. Those of a controller that the group does not have stay unset.
    ///
    /// A group that needs more memory is not shrunk: the kernel kills a process of it.
    public func set(_ limits: GroupLimits) {
        // Written one by one: each belongs to another controller.
        for (file, value) in [
            ("memory.max", String(limits.memoryBytes)), ("pids.max", String(limits.processes)),
            ("cpu.weight", String(limits.processorWeight)),
        ] where Files.exists("\(folder)/\(file)") {
            try? Descriptor("\(folder)/\(file)", O_WRONLY).writeAll(Array(value.utf8))
        }
    }

    /// Processes that the kernel killed because the group needed more memory than its limit.
    public var outOfMemoryKills: Int64 { event("oom_kill", in: "memory.events") }

    /// How often the kernel denied the group a new process because of its limit.
    public var deniedProcesses: Int64 { event("max", in: "pids.events") }

    /// 0 if the group does not have the controller that counts.
    private func event(_ name: String, in file: String) -> Int64 {
        let lines = Self.text("\(folder)/\(file)")?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix(name + " ") }?.split(separator: " ")
        return words?.last.flatMap { Int64($0) } ?? 0
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

    static func text(_ path: String) -> String? {
        guard let bytes = try? Files.read(path, limitBytes: Limits.procFileBytes) else {
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
