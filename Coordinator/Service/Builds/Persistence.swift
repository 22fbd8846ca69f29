import CoordinatorCore
import Support

/// How an effect ended that is retried until it succeeds.
enum Persistence {
    case done
    /// The coordinator stops; the next leader repeats the effect.
    case stopped
    /// Another coordinator leads: what this one did is the new leader's now.
    case deposed
    /// No retry can succeed.
    case impossible(any Error)
}

extension Ports {
    /// Retries an effect until it succeeds. Returns early if the task is cancelled, and after one
    /// last attempt once the coordinator stops.
    ///
    /// - Parameters:
    ///   - what: completes "cannot …".
    ///   - report: shows what the effect waits for: a service that is down, a full disk.
    func persisting(
        _ what: String, _ log: Logger, isStopping: () -> Bool, report: (String) async -> Void,
        _ body: () async throws -> Void
    ) async -> Persistence {
        var outcome = Persistence.stopped
        do {
            do {
                try await retrying(body) { error in
                    log.error("cannot \(what): \(error)")
                    if (error as? StoreError)?.code == .deposed {
                        outcome = .deposed
                        throw error
                    }
                    if (error as? any ExplainedError)?.isPermanent == true {
                        outcome = .impossible(error)
                        throw error
                    }
                    if isStopping() { throw error }
                    await report("waiting: cannot \(what): \(error)")
                }
            } catch is CancellationError where isStopping() { try await body() }
            return .done
        } catch { return outcome }
    }
}
