import BuildProtocol
public import CoordinatorCore
import Support

/// Removes the images and logs that the retention policy does not keep: every hour, and sooner if
/// the web root runs full.
public actor ImageRetention {
    private let ports: Ports
    private let store: any BuildWriter & AuditWriter
    private let tracker: BuildTracker
    private let releases: Releases
    private var isRemoving = false
    private var isStopping = false
    private var housekeeping: Task<Void, Never>?
    private let log = Logger("retention")

    init(
        ports: Ports, store: any BuildWriter & AuditWriter, tracker: BuildTracker,
        releases: Releases
    ) {
        self.ports = ports
        self.store = store
        self.tracker = tracker
        self.releases = releases
    }

    // MARK: Life

    func start() {
        guard let policy = ports.retention, housekeeping == nil, !isStopping else { return }
        housekeeping = Task { await self.pruneRegularly(policy) }
    }

    func stop() async {
        isStopping = true
        housekeeping?.cancel()
        await housekeeping?.value
    }

    private func pruneRegularly(_ policy: RetentionPolicy) async {
        var next = ports.clock.monotonicMilliseconds()
        var canHelp = true
        while !isStopping {
            let free = (try? await ports.webRoot.freeBytes()) ?? .max
            let isDiskLow = free < policy.minimumFreeBytes
            let now = ports.clock.monotonicMilliseconds()
            if now >= next || isDiskLow && canHelp {
                next = now + ports.limits.retentionMilliseconds
                // Otherwise every check would read all builds in vain.
                canHelp = await pruneOnce(isDiskLow) || !isDiskLow
            }
            let pause = ports.limits.retentionLookMilliseconds
            do { try await ports.clock.sleep(milliseconds: pause) } catch { return }
        }
    }

    /// - Returns: whether something was removed.
    private func pruneOnce(_ isDiskLow: Bool) async -> Bool {
        do {
            let report = try await run(by: "retention")
            let gone = report.choices
            for failure in report.failures {
                log.error("cannot remove \(failure.build): \(failure.reason)")
            }
            if !gone.isEmpty {
                log.info("retention removed \(gone.count) builds' images and logs")
            } else if isDiskLow {
                log.warning(
                    "the web root has less free space than retention.minimum_free, and no image "
                        + "may be removed: free space, or unpin builds (aibuild unpin)")
            }
            return !gone.isEmpty
        } catch {
            log.error("cannot remove old images: \(error)")
            return false
        }
    }

    // MARK: Requests of users

    /// Removes what the policy does not keep. A build that is pinned or released meanwhile is kept.
    /// One whose files cannot be removed does not prevent the removal of others.
    /// - Returns: what was removed, and what could not be.
    /// - Throws: `Refusal`, `StoreError`
    public func run(by actor: String) async throws -> RetentionReport {
        guard !isRemoving else {
            throw Refusal(.conflict, "old images are being removed already")
        }
        isRemoving = true
        defer { isRemoving = false }
        var failures: [RetentionReport.Failure] = []
        let halfPruned = try await StorePage.all {
            try await ports.store.halfPruned(after: $0, limit: ports.limits.pageRows)
        }
        for build in halfPruned {
            if isStopping { break }
            do { try await removeFiles(of: build) } catch {
                failures.append(try .init("\(build.guestOS):\(build.number)", error))
            }
        }
        var report = try await RetentionPlan(ports: ports).report()
        var gone: [Retention.Choice] = []
        for choice in report.choices {
            if isStopping { break }
            do {
                if try await prune(choice, by: actor) { gone.append(choice) }
            } catch {
                failures.append(
                    try .init("\(choice.build.guestOS):\(choice.build.number)", error))
            }
        }
        if !isStopping {
            failures += try await OtherRetention(ports: ports, store: store)
                .run(report.policy, keeping: report.templates)
        }
        report.choices = gone
        report.failures = failures
        return report
    }

    /// - Returns: whether it was removed.
    private func prune(_ choice: Retention.Choice, by actor: String) async throws -> Bool {
        let id = choice.build.id
        guard await !releases.hasLive(build: id),
            let build = try await store.beginPrune(
                build: id, atMilliseconds: ports.clock.unixMilliseconds())
        else { return false }
        try await removeFiles(of: build)
        try await ports.audit(
            actor, "build.prune", "\(build.guestOS)/\(build.number)", choice.reason)
        return true
    }

    public func setPinned(
        _ isPinned: Bool, _ build: Build, by actor: String
    ) async throws -> Build {
        let changed = try await store.setPinned(isPinned, build: build.id)
        guard let changed else {
            throw Refusal(
                .conflict,
                "the image and the logs of build \(build.guestOS)/\(build.number) were removed "
                    + "before: there is nothing left to keep")
        }
        await tracker.changed(changed)
        try await ports.audit(
            actor, isPinned ? "build.pin" : "build.unpin", "\(build.guestOS)/\(build.number)")
        return changed
    }

    /// May be repeated after a crash at any point.
    private func removeFiles(of build: Build) async throws {
        try await ports.webRoot.remove(build)
        var failure: (any Error)?
        for attempt in try await ports.store.attempts(ofBuild: build.id) {
            do { try await ports.logs.reset(attempt.token) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        try await store.endPrune(build: build.id)
    }
}
