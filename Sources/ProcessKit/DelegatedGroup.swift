import Glibc
public import Support

/// The part of the tree of control groups that the service manager delegated to the agent, and how
/// the agent takes it over.
///
/// The kernel lets a group with limited groups below it have no processes of its own. So the agent
/// moves to a leaf beside the groups of its attempts. While that is so, no process can be started
/// in the group above either: the service manager could not restart the agent while builds run. It
/// therefore has to `release` the group when the agent has ended.
public struct DelegatedGroup: Sendable {
    /// The group of the agent itself.
    static let leafName = "aibuild-agent"
    private static let controllers = ["memory", "pids", "cpu"]

    let folder: String

    init(folder: String) { self.folder = folder }

    /// Where the groups of attempts are: the delegated group, or that of this process if the agent
    /// has not taken one over. `nil` if the host has no version 2 hierarchy.
    static func folder() -> String? {
        guard let own = ownFolder() else { return nil }
        return Files.name(of: own) == leafName ? Files.folder(of: own) : own
    }

    /// Makes the limits of groups take effect. Only for a program whose service manager has
    /// delegated a group to it, and releases that group when the program has ended.
    ///
    /// - Returns: why groups can have no limits; `nil` if they can.
    public static func takeOver() -> String? {
        guard let folder = folder() else {
            return "this host has no control groups of version 2"
        }
        return DelegatedGroup(folder: folder).takeOver()
    }

    /// Lets processes be started in the delegated group again. The limits of its groups are lost,
    /// until the agent sets them again. Meant to be run by the service manager, which starts it
    /// beside the groups of attempts.
    public static func release() throws(SystemError) {
        guard let own = ownFolder() else { return }
        try DelegatedGroup(folder: Files.folder(of: own)).release()
    }

    func takeOver() -> String? {
        let offered = words("cgroup.controllers")
        guard offered.contains("memory") else {
            return "its control group \(folder) has no memory controller"
        }
        let leaf = "\(folder)/\(Self.leafName)"
        guard mkdir(leaf, 0o755) == 0 || errno == EEXIST else {
            return SystemError.last("cannot make \(leaf)").description
        }
        do throws(SystemError) {
            // With the supervisors of a program that had not taken the group over.
            for process in words("cgroup.procs") { try? write(process, to: "\(leaf)/cgroup.procs") }
            for name in Self.controllers where offered.contains(name) {
                try write("+" + name, to: "\(folder)/cgroup.subtree_control")
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    func release() throws(SystemError) {
        for name in words("cgroup.subtree_control") {
            try write("-" + name, to: "\(folder)/cgroup.subtree_control")
        }
    }

    private func words(_ file: String) -> [String] {
        (ControlGroup.text("\(folder)/\(file)") ?? "").split { $0 == " " || $0 == "\n" }
            .map(String.init)
    }

    private func write(_ text: String, to path: String) throws(SystemError) {
        try Descriptor(path, O_WRONLY).writeAll(Array(text.utf8))
    }

    /// The folder of this process's group in the version 2 hierarchy, wherever that is mounted.
    private static func ownFolder() -> String? {
        guard let groups = ControlGroup.text("/proc/self/cgroup"),
            let mounts = ControlGroup.text("/proc/self/mountinfo")
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
