import CoordinatorCore

/// Fetches once what many ask for at the same time: the outcome is everybody's.
actor SharedFetch<Value: Sendable> {
    typealias Outcome = Result<Value, IdentityFault>

    private var running: Task<Outcome, Never>?
    private(set) var waiting = 0
    /// Each holds the connection of a browser.
    private let limit: Int

    init(limit: Int = 300) { self.limit = limit }

    func outcome(_ fetch: @escaping @Sendable () async -> Outcome) async -> Outcome {
        guard waiting < limit else {
            return .failure(
                IdentityFault(.unreachable, "\(waiting) people wait for its answer already"))
        }
        let task = running ?? Task { await fetch() }
        running = task
        waiting += 1
        let outcome = await task.value
        waiting -= 1
        // Whoever comes now asks again.
        if running == task { running = nil }
        return outcome
    }
}
