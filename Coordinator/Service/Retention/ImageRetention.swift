import BuildProtocol
public import CoordinatorCore
import Support
import TextKit

/// Removes the images and logs that the retention policy does not keep: every hour, and sooner if
/// the web root runs full. A policy that is new or stricter is only shown at first.
public actor ImageRetention {
    private let ports: Ports
    private let store: any BuildWriter & AuditWriter & HistoryWriter
    private let gate: RetentionGate
    private let tracker: BuildTracker
    private let releases: Releases
    private var isRemoving = false
    private var isStopping = false
    /// The pending policy that the journal has named.
    private var shown: RetentionPolicy?
    /// A person has ended the delay.
    private var isEnabled = false
    private var housekeeping: Task<Void, Never>?
    private let log = Logger("retention")

    init(
        ports: Ports, store: any BuildWriter & AuditWriter & HistoryWriter & RetentionWriter,
        tracker: BuildTracker, releases: Releases
    ) {
        gate = RetentionGate(ports: ports, store: store)
        self.ports = ports
        self.store = store
        self.tracker = tracker
        self.releases = releases
    }

    // MARK: Life

    func start() {
        guard housekeeping == nil, !isStopping else { return }
        housekeeping = Task { await self.pruneRegularly() }
    }

    func stop() async {
        isStopping = true
        housekeeping?.cancel()
        await housekeeping?.value
    }

    private func pruneRegularly() async {
        var next = ports.clock.monotonicMilliseconds()
        var canHelp = true
        while !isStopping {
            let state = try? await gate.state()
            // Its end is remembered, so that a new beginning is shown first.
            if ports.retention == nil, state != nil { return }
            if let pending = state?.pending, pending != shown {
                shown = pending
                await show(pending, from: state?.beginsMilliseconds ?? 0)
            }
            guard let policy = state?.inForce else {
                do { try await pause() } catch { return }
                continue
            }
            if isEnabled {
                next = ports.clock.monotonicMilliseconds()
                isEnabled = false
            }
            let free = (try? await ports.webRoot.freeBytes()) ?? .max
            let isDiskLow = free < policy.minimumFreeBytes
            let now = ports.clock.monotonicMilliseconds()
            if now >= next || isDiskLow && canHelp {
                next = now + ports.limits.retentionMilliseconds
                // Otherwise every check would read all builds in vain.
                canHelp = await pruneOnce(isDiskLow) || !isDiskLow
            }
            do { try await pause() } catch { return }
        }
    }

    private func pause() async throws {
        try await ports.clock.sleep(milliseconds: ports.limits.retentionLookMilliseconds)
    }

    /// Says in the journal what a new policy will remove.
    private func show(_ pending: RetentionPolicy, from begins: Int64) async {
        let count = (try? await RetentionPlan(ports: ports).report(of: pending))?.choices.count
        log.warning(
            "the retention policy is new or stricter, and removes nothing more before "
                + "\(UTCTime(unixMilliseconds: begins).text) UTC: now, "
                + "\(count.map(String.init) ?? "an unknown number of") builds' images and logs "
                + "would go. To see which: aibuild retention --dry-run; to let it begin: "
                + "aibuild retention enable")
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
        let policy = try await gate.policy()
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
        var report = try await RetentionPlan(ports: ports).report(of: policy)
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

    /// Ends the delay of a policy that is new or stricter; the next run comes within a minute.
    /// - Returns: what it will remove.
    /// - Throws: `Refusal` if no policy is configured; `StoreError`
    public func enable(by actor: String) async throws -> RetentionReport {
        try await gate.enable(by: actor)
        isEnabled = true
        return try await RetentionPlan(ports: ports).report()
    }

    /// - Returns: whether it was removed.
    private func prune(_ choice: Retention.Choice, by actor: String) async throws -> Bool {
        let id = choice.build.id
        let entry = ports.auditEntry(
            actor, "build.prune", "\(choice.build.guestOS):\(choice.build.number)", choice.reason)
        guard await !releases.hasLive(build: id),
            let build = try await store.recording(entry).beginPrune(
                build: id, atMilliseconds: ports.clock.unixMilliseconds())
        else { return false }
        try await removeFiles(of: build)
        return true
    }

    public func setPinned(
        _ isPinned: Bool, _ build: Build, by actor: String
    ) async throws -> Build {
        let entry = ports.auditEntry(
            actor, isPinned ? "build.pin" : "build.unpin", "\(build.guestOS):\(build.number)")
        let changed = try await store.recording(entry).setPinned(isPinned, build: build.id)
        guard let changed else {
            throw Refusal(
                .conflict,
                "the image and the logs of build \(build.guestOS):\(build.number) were removed "
                    + "before: there is nothing left to keep")
        }
        await tracker.changed(changed)
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
