import CoordinatorCore
import Synchronization

/// The steps of a release, in memory: the journal survives a "crash".
final class ReleaseNotes: ReleaseSteps {
    struct Crash: Error {}

    private struct State {
        var journal: [String: String]
        var records = 0
        var crashAt: Int?
        var keepsLast = true
        var progress: [String] = []
    }

    private let state: Mutex<State>
    private let environments: [String: (ReleaseEnvironment, Secret?)]

    init(
        _ journal: [String: String] = [:],
        environments: [String: (ReleaseEnvironment, Secret?)] = [:]
    ) {
        state = Mutex(State(journal: journal))
        self.environments = environments
    }

    var journal: [String: String] { state.withLock(\.journal) }
    var records: Int { state.withLock(\.records) }
    var progress: [String] { state.withLock(\.progress) }

    /// Crashes the coordinator after this many further records.
    /// - Parameter keepsLast: whether the last record becomes durable.
    func crash(afterRecords count: Int?, keepsLast: Bool = true) {
        state.withLock { state in
            state.crashAt = count.map { state.records + $0 }
            state.keepsLast = keepsLast
        }
    }

    func record(_ journal: [String: String]) async throws {
        try state.withLock { state in
            if let at = state.crashAt, state.records >= at { throw Crash() }
            state.records += 1
            let isLast = state.records == state.crashAt
            if !isLast || state.keepsLast { state.journal = journal }
            if isLast { throw Crash() }
        }
    }

    func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async {
        state.withLock { $0.progress.append("\(what) \(doneBytes)/\(totalBytes)") }
    }

    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?) {
        guard let found = environments[name] else {
            throw ReleaseFault(.rejected, "there is no environment '\(name)'")
        }
        return found
    }
}
