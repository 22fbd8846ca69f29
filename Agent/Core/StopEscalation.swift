/// How a process tree is stopped: SIGINT first, so that Packer deletes its output and stops QEMU,
/// then SIGTERM, then SIGKILL. All within 10 s, unless the build has something to clean up
/// elsewhere.
public struct StopEscalation: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        case interrupt, terminate, kill
    }

    private var next: Step?
    private var dueMilliseconds: Int64
    /// From SIGINT to SIGTERM.
    private let cleanupMilliseconds: Int64

    /// - Parameters:
    ///   - isUrgent: skip the grace periods in which the build could clean up.
    ///   - cleanupSeconds: of the attempt's limits.
    public init(nowMilliseconds: Int64, isUrgent: Bool, cleanupSeconds: Int? = nil) {
        cleanupMilliseconds =
            cleanupSeconds.map { Int64($0) * 1000 } ?? AgentLimits.interruptGraceMilliseconds
        next = isUrgent ? .kill : .interrupt
        dueMilliseconds = nowMilliseconds
    }

    /// When the next step is due; `nil` after the last one.
    public var nextDeadlineMilliseconds: Int64? { next == nil ? nil : dueMilliseconds }

    /// The step that is due now, once.
    public mutating func step(nowMilliseconds: Int64) -> Step? {
        guard let step = next, nowMilliseconds >= dueMilliseconds else { return nil }
        switch step {
        case .interrupt:
            next = .terminate
            dueMilliseconds = nowMilliseconds + cleanupMilliseconds
        case .terminate:
            next = .kill
            dueMilliseconds = nowMilliseconds + AgentLimits.terminateGraceMilliseconds
        case .kill: next = nil
        }
        return step
    }

    /// Skips the remaining grace periods.
    public mutating func hurry(nowMilliseconds: Int64) {
        guard next != nil else { return }
        next = .kill
        dueMilliseconds = nowMilliseconds
    }
}
