import CoordinatorCore

/// The journal of one attempt, written by concurrent tasks: each durable version contains all
/// entries made so far, by any task.
actor ReleaseJournal {
    private(set) var entries: [String: String]
    private let steps: any ReleaseSteps
    private var last: Task<Void, any Error>?

    init(_ order: ReleaseOrder, _ steps: any ReleaseSteps) {
        entries = order.journal
        self.steps = steps
    }

    subscript(key: String) -> String? { entries[key] }

    /// Returns once the entries are durable, possibly with later ones.
    func note(_ new: [String: String]) async throws {
        entries.merge(new) { $1 }
        let before = last
        let writing = Task {
            // In order, so that an older version never overwrites a newer one.
            try await before?.value
            try await self.steps.record(self.entries)
        }
        last = writing
        try await writing.value
    }
}
