import BuildProtocol
public import CoordinatorCore
import Support

/// What the retention policy lets go is removed every hour, sooner where the web root runs full.
extension Coordinator {
    /// What would go now, and why.
    /// - Throws: `Refusal` where there is no policy; `StoreError`
    public func plannedRetention() async throws -> RetentionReport {
        guard let policy = ports.retention else {
            throw Refusal(
                "this coordinator removes nothing: `retention` is not set in coordinator.yml",
                conflict: true)
        }
        let free = try? await ports.webRoot.freeBytes()
        let choices = Retention.decide(
            try await keptBuilds(), policy, freeBytes: free,
            nowMilliseconds: ports.environment.unixMilliseconds())
        return RetentionReport(policy: policy, freeBytes: free, choices: choices)
    }

    /// Removes it. Whoever wants a build kept meanwhile, by a pin or a release, gets it kept.
    /// - Returns: what went.
    public func retain(by actor: String) async throws -> RetentionReport {
        guard !isRetaining else {
            throw Refusal("old images are being removed at this moment", conflict: true)
        }
        isRetaining = true
        defer { isRetaining = false }
        for build in try await ports.store.halfPruned() { try await removeFiles(of: build) }
        var report = try await plannedRetention()
        var gone: [Retention.Choice] = []
        for choice in report.choices {
            if isStopping { break }
            let id = choice.build.id
            guard await !releases.hasLive(build: id),
                let build = try await ports.store.beginPrune(
                    build: id, atMilliseconds: ports.environment.unixMilliseconds(),
                    epoch: epoch ?? 0)
            else { continue }
            try await removeFiles(of: build)
            try await ports.audit(
                actor, "build.prune", "\(build.guestOS)/\(build.number)", choice.reason)
            gone.append(choice)
        }
        report.choices = gone
        return report
    }

    public func setPinned(
        _ isPinned: Bool, _ build: Build, by actor: String
    ) async throws -> Build {
        let changed = try await ports.store.setPinned(
            isPinned, build: build.id, epoch: epoch ?? 0)
        guard let changed else {
            throw Refusal(
                "the image and the logs of build \(build.guestOS)/\(build.number) were removed "
                    + "before: there is nothing left to keep", conflict: true)
        }
        if live[build.id] != nil { updated(changed) }
        try await ports.audit(
            actor, isPinned ? "build.pin" : "build.unpin", "\(build.guestOS)/\(build.number)")
        return changed
    }

    /// Returns when the coordinator stops.
    func keepHouse() async {
        guard let policy = ports.retention else { return }
        var next = ports.environment.monotonicMilliseconds()
        var canHelp = true
        while !Task.isCancelled, !isStopping {
            let free = (try? await ports.webRoot.freeBytes()) ?? .max
            let isPressed = free < policy.minimumFreeBytes
            let now = ports.environment.monotonicMilliseconds()
            if now >= next || isPressed && canHelp {
                next = now + ports.limits.retentionMilliseconds
                // Else every look would read all builds for nothing.
                canHelp = await keepHouseOnce(isPressed) || !isPressed
            }
            do { try await ports.sleep(milliseconds: ports.limits.retentionLookMilliseconds) } catch
            { return }
        }
    }

    /// - Returns: whether something went.
    private func keepHouseOnce(_ isPressed: Bool) async -> Bool {
        do {
            let gone = try await retain(by: "retention").choices
            if !gone.isEmpty {
                log.info("retention removed \(gone.count) builds' images and logs")
            } else if isPressed {
                log.warning(
                    "the web root has less room than retention.minimum_free, and no image may go: "
                        + "make room, or unpin some (aibuild unpin)")
            }
            return !gone.isEmpty
        } catch {
            log.error("cannot remove old images: \(error)")
            return false
        }
    }

    // MARK: Parts

    /// May be done again after a crash at any moment.
    private func removeFiles(of build: Build) async throws {
        try await ports.webRoot.remove(build)
        for attempt in try await ports.store.attempts(ofBuild: build.id) {
            try await ports.logs.reset(attempt.token)
        }
        try await ports.store.endPrune(build: build.id, epoch: epoch ?? 0)
    }

    private func keptBuilds() async throws -> [Retention.Kept] {
        let released = try await buildsInEnvironments()
        let rows = ports.limits.pageRows
        var filter = BuildFilter(states: Set(BuildState.allCases.filter(\.isEnded)))
        filter.isKept = true
        var kept: [Retention.Kept] = []
        while true {
            let page = try await ports.store.builds(filter, limit: rows)
            kept += page.map { Retention.Kept($0, isReleased: released.contains($0.id)) }
            guard page.count == rows else { return kept }
            filter.after = page.last?.id
        }
    }

    /// Builds that are released, or on their way.
    private func buildsInEnvironments() async throws -> Set<String> {
        var filter = ReleaseFilter(states: [.awaitingApproval, .queued, .running, .released])
        var found: Set<String> = []
        while true {
            let page = try await ports.store.releases(filter, limit: ports.limits.pageRows)
            found.formUnion(page.map(\.build))
            guard page.count == ports.limits.pageRows else { return found }
            filter.after = page.last?.id
        }
    }
}

/// What goes, or went.
public struct RetentionReport: Sendable {
    public var policy: RetentionPolicy
    /// Of the web root, before.
    public var freeBytes: Int64?
    public var choices: [Retention.Choice]
}
