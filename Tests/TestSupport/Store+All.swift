public import CoordinatorCore

/// Whole lists, of pages so small that a test's few rows need several.
extension StoreReader {
    public func allLiveBuilds() async throws -> [RecordedBuild] {
        try await StorePage.all { try await liveBuilds(after: $0, limit: 2) }
    }

    public func allHalfPruned() async throws -> [Build] {
        try await StorePage.all { try await halfPruned(after: $0, limit: 2) }
    }

    public func allLiveReleases() async throws -> [Release] {
        try await StorePage.all { try await liveReleases(after: $0, limit: 2) }
    }
}
