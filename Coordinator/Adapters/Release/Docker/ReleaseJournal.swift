import CoordinatorCore
import Synchronization

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

extension ReleaseSteps {
    /// Runs `work` and reports its progress, as often as people can read it.
    func reporting<T: Sendable>(
        _ what: String, of totalBytes: Int64,
        _ work: (@escaping @Sendable (Int64) -> Void) async throws -> T
    ) async throws -> T {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Int64.self, bufferingPolicy: .bufferingNewest(1))
        let told = Mutex<Int64>(-1)
        let step = max(1, totalBytes / 200)
        let passing = Task {
            for await done in stream {
                await self.progress(what, doneBytes: done, totalBytes: totalBytes)
            }
        }
        defer {
            continuation.finish()
            passing.cancel()
        }
        await progress(what, doneBytes: 0, totalBytes: totalBytes)
        return try await work { done in
            let isNews = told.withLock { told in
                // A push that starts over goes back.
                guard done >= told + step || done < told || done == totalBytes else { return false }
                told = done
                return true
            }
            if isNews { continuation.yield(done) }
        }
    }
}
