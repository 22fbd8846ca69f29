import CoordinatorCore

/// Why builds wait: computed once for all clients until something changes.
struct SharedExplanation {
    private let explanation: Scheduler.Explanation
    private let version: UInt64
    private let madeMilliseconds: Int64

    init(_ explanation: Scheduler.Explanation, _ wakeup: Wakeup, _ ports: Ports) {
        self.explanation = explanation
        version = wakeup.version
        madeMilliseconds = ports.clock.monotonicMilliseconds()
    }

    /// `nil` if something has changed or the value is too old.
    func value(_ wakeup: Wakeup, _ ports: Ports) -> Scheduler.Explanation? {
        let age = ports.clock.monotonicMilliseconds() - madeMilliseconds
        guard wakeup.version == version, age < ports.limits.explanationMilliseconds else {
            return nil
        }
        return explanation
    }
}
