import CoordinatorCore

/// The journal of one try, written to by several tasks: what is durable is always all that was
/// noted so far, whoever noted it.
actor ReleaseJournal {
    private(set) var entries: [String: String]
    private let steps: any ReleaseSteps
    private var last: Task<Void, any Error>?

    init(_ order: ReleaseOrder, _ steps: any ReleaseSteps) {
        entries = order.journal
        self.steps = steps
    }

    subscript(key: String) -> String? { entries[key] }

    /// Returns when it is durable. What was noted later may be, too.
    func note(_ new: [String: String]) async throws {
        entries.merge(new) { $1 }
        let before = last
        let writing = Task {
            // In order, so that an older journal never covers a newer one.
            try await before?.value
            try await self.steps.record(self.entries)
        }
        last = writing
        try await writing.value
    }
}
