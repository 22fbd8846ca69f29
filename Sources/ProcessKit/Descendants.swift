import CLinux
import Glibc
public import Support

/// The processes below this one. Complete only in a subreaper: elsewhere orphans move to PID 1.
public enum Descendants {
    public static func becomeSubreaper() throws(SystemError) {
        try checked(aib_become_subreaper(), "cannot become a child subreaper")
    }

    /// Process ids of all descendants of this process, zombies included.
    public static func list() -> [Int32] {
        var childrenOf: [Int32: [Int32]] = [:]
        for process in ProcessTable.all() {
            childrenOf[process.parent, default: []].append(process.pid)
        }
        var found: [Int32] = []
        var next = childrenOf[getpid(), default: []]
        while let pid = next.popLast() {
            found.append(pid)
            next += childrenOf[pid, default: []]
        }
        return found
    }

    /// Takes an ended child out of the process table, whatever its exit status.
    public static func reap(_ pidfd: borrowing Descriptor) {
        var code: Int32 = 0
        var signal: Int32 = 0
        _ = aib_pidfd_reap(pidfd.raw, &code, &signal)
    }

    /// Reaps orphans that came to this process and have ended, but not `child`, whose exit status
    /// somebody waits for.
    public static func reapOrphans(except child: Int32) {
        for process in ProcessTable.all()
        where process.parent == getpid() && process.isZombie && process.pid != child {
            waitpid(process.pid, nil, WNOHANG)
        }
    }

    /// Kills every descendant and reaps it, again and again until none is left: a process may fork
    /// while it is being killed. Blocks; for a process that has no other children to keep, and no
    /// child that somebody else waits for.
    ///
    /// - Returns: the ids of those that would not die (they hang in the kernel); mostly none.
    public static func sweep() -> [Int32] {
        let deadline = Clocks.monotonicMilliseconds() + Limits.sweepMilliseconds
        while true {
            // Whoever has no child has no descendant: the common case, without a look at /proc.
            if aib_reap_orphans() == -ECHILD { return [] }
            let left = list()
            if left.isEmpty || Clocks.monotonicMilliseconds() > deadline { return left }
            for pid in left { kill(pid, SIGKILL) }
            // They die at once, but not before they are scheduled.
            poll(nil, 0, Limits.sweepPauseMilliseconds)
        }
    }
}
