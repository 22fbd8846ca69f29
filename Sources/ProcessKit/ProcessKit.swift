//! ProcessKit: child processes, and what a supervisor of them needs from the kernel: spawning,
//! pidfds, process groups, control groups, descendants, locks, folder events. It knows nothing
//! about builds, and never blocks the cooperative pool: what blocks says so in its name or
//! documentation.

/// Every bound of ProcessKit, with its reason.
enum Limits {
    /// One read from a child's pipe. Pipes are enlarged to this, so that a busy child takes few
    /// system calls.
    static let pipeBytes = 256 << 10
    /// How long a killed process may take to exit. Longer means that it hangs in the kernel.
    static let sweepMilliseconds: Int64 = 30_000
    /// Pause between two checks for processes that were killed but still exist.
    static let sweepPauseMilliseconds: Int32 = 2
    /// How long a connect waits for space in a full backlog, and how often it retries.
    static let connectMilliseconds: Int64 = 5_000
    static let connectPauseMilliseconds: Int32 = 10
    /// Longest `/proc/PID/environ`, `stat` or `cgroup` that is read: the kernel's argument limit.
    static let procFileBytes = 2 << 20
}
