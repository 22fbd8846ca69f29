import BuildProtocol
public import CoordinatorCore

extension Coordinator {
    /// Why a build waits; `nil` when it does not.
    public func explain(_ id: String) -> Waiting? {
        live[id]?.build.state == .queued ? explained().waiting(id) : nil
    }

    /// What waits, in the queue's order; at most `limit`.
    public func queue(limit: Int) -> [(Build, Waiting)] {
        explained().first(limit).compactMap { id, waiting in
            live[id].map { ($0.build, waiting) }
        }
    }

    /// Thousands may ask why they wait: they share one answer until something happens, or a moment
    /// has passed.
    private func explained() -> Scheduler.Explanation {
        let now = ports.environment.monotonicMilliseconds()
        if let explanation,
            now - explanation.madeMilliseconds < ports.limits.explanationMilliseconds
        {
            return explanation.value
        }
        let made = Scheduler.Explanation(world())
        explanation = (now, made)
        return made
    }
}
