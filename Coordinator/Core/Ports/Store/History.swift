import BuildProtocol

/// Removes the oldest history of the farm. Every method throws `StoreError.deposed` once another
/// epoch leads.
public protocol HistoryWriter: Sendable {
    /// Removes the rows of releases, of builds with their attempts, artifacts and results, and of
    /// the historic tables that ended before this time; at most `limit` of each of these kinds.
    ///
    /// What is still good for something stays: a build that is not pruned, is pinned or has a
    /// release here, and the newest `HistoryRules.keptReleases` of each guest OS in each
    /// environment.
    /// - Returns: the largest number of one kind that was removed; if it is `limit`, more may be
    ///   left.
    func removeHistory(before milliseconds: Int64, limit: Int) async throws -> Int
}

public enum HistoryRules {
    /// Releases of a guest OS that stay in an environment: at least as many as an environment can
    /// keep images of, since each can be rolled back to.
    public static let keptReleases = KeptImagesBound.range.upperBound
}

extension Release {
    /// - Parameter newer: how many of its guest OS were released to its environment later.
    func isHistory(before milliseconds: Int64, newer: Int) -> Bool {
        state.isEnded && createdMilliseconds < milliseconds
            && (state != .released || newer >= HistoryRules.keptReleases)
    }
}

extension Build {
    func isHistory(before milliseconds: Int64) -> Bool {
        guard let endedMilliseconds, prunedMilliseconds != nil else { return false }
        return state.isEnded && !isPinned && endedMilliseconds < milliseconds
    }
}
