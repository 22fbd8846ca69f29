/// How a process tree is ended: politely first, so that Packer deletes its output and stops QEMU,
/// then for sure. All within 10 s.
public struct StopEscalation: Sendable, Hashable {
    public enum Step: Sendable, Hashable {
        case interrupt, terminate, kill
    }

    private var next: Step?
    private var dueMilliseconds: Int64

    /// - Parameter isUrgent: nobody wants the build's own cleaning any more.
    public init(nowMilliseconds: Int64, isUrgent: Bool) {
        next = isUrgent ? .kill : .interrupt
        dueMilliseconds = nowMilliseconds
    }

    /// When `step` has something to say; `nil` after the last step.
    public var nextDeadlineMilliseconds: Int64? { next == nil ? nil : dueMilliseconds }

    /// The step that is due now, once.
    public mutating func step(nowMilliseconds: Int64) -> Step? {
        guard let step = next, nowMilliseconds >= dueMilliseconds else { return nil }
        switch step {
        case .interrupt:
            next = .terminate
            dueMilliseconds = nowMilliseconds + AgentLimits.interruptGraceMilliseconds
        case .terminate:
            next = .kill
            dueMilliseconds = nowMilliseconds + AgentLimits.terminateGraceMilliseconds
        case .kill: next = nil
        }
        return step
    }

    /// Skips what is left of the polite steps.
    public mutating func hurry(nowMilliseconds: Int64) {
        guard next != nil else { return }
        next = .kill
        dueMilliseconds = nowMilliseconds
    }
}
