import CoordinatorCore

extension LiveBuilds {
    /// Every build that has not ended, page by page.
    /// - Throws: `StoreError`
    static func recovered(_ ports: Ports) async throws -> LiveBuilds {
        var live = LiveBuilds()
        var after: String?
        repeat {
            let page = try await ports.store.liveBuilds(
                after: after, limit: ports.limits.recoveryRows)
            for recorded in page.rows {
                let build = recorded.build
                live[build.id] = LiveBuild(
                    build: build, history: [AttemptFault](recorded.attempts, of: build),
                    lastHost: recorded.attempts.last { $0.token != build.attempt }?.host,
                    startedMilliseconds: recorded.attempts.last { $0.token == build.attempt }?
                        .startedMilliseconds)
            }
            after = page.next
        } while after != nil
        return live
    }
}
