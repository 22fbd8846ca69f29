import CLinux
import Glibc
public import Support

/// The descendants of this process. Complete only in a subreaper: otherwise orphans move to PID 1.
public enum Descendants {
    public static func becomeSubreaper() throws(SystemError) {
        try checked(aib_become_subreaper(), "cannot become a child subreaper")
    }

    /// Process ids of all descendants of this process, zombies included.
    public static func list() -> [Int32] {
        let quick = withDescendants(ProcessTable.children(of: getpid())) {
            ProcessTable.children(of: $0)
        }
        if !quick.isEmpty { return quick }
        // The kernel lists children without guarantee, and not every kernel does.
        var childrenOf: [Int32: [Int32]] = [:]
        for process in ProcessTable.all() {
            childrenOf[process.parent, default: []].append(process.pid)
        }
        return withDescendants(childrenOf[getpid(), default: []]) { childrenOf[$0, default: []] }
    }

    private static func withDescendants(
        _ first: [Int32], children: (Int32) -> [Int32]
    ) -> [Int32] {
        var found: [Int32] = []
        var next = first
        while let pid = next.popLast() {
            found.append(pid)
            next += children(pid)
        }
        return found
    }

    /// Removes an exited child from the process table, whatever its exit status.
    public static func reap(_ pidfd: borrowing Descriptor) {
        var code: Int32 = 0
        var signal: Int32 = 0
        _ = aib_pidfd_reap(pidfd.raw, &code, &signal)
    }

    /// Reaps exited orphans that this process adopted, but not `child`, whose exit status is
    /// needed.
    public static func reapOrphans(except child: Int32) {
        for pid in ProcessTable.children(of: getpid()) where pid != child {
            waitpid(pid, nil, WNOHANG)
        }
    }

    /// Kills and reaps all descendants, repeatedly until none is left, because a process may fork
    /// while it is being killed. Blocks. Only for a process that needs none of its children, nor
    /// their exit status.
    ///
    /// - Returns: the ids of those that could not be killed because they hang in the kernel.
    public static func sweep() -> [Int32] {
        let deadline = Clocks.monotonicMilliseconds() + Limits.sweepMilliseconds
        while true {
            // Without a child there is no descendant: the common case, which needs no scan of
            // /proc.
            if aib_reap_orphans() == -ECHILD { return [] }
            let left = list()
            if left.isEmpty || Clocks.monotonicMilliseconds() > deadline { return left }
            for pid in left { kill(pid, SIGKILL) }
            // A killed process exits once it is scheduled.
            poll(nil, 0, Limits.sweepPauseMilliseconds)
        }
    }
}
