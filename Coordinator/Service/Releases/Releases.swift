import MetricsKit
import CoordinatorCore
import Support

/// Runs the releases: starts those that are due, handles each attempt, and resumes what an earlier
/// leader left. Store first, memory second, as with builds.
public actor Releases {
    private let ports: Ports
    private let store: any ReleaseWriter
    /// Notifies of every change; keys are release ids and `ChangeHub.everything`.
    public nonisolated let changes = ChangeHub()
    private var live: [String: Release] = [:]
    private var running: [String: Task<Void, Never>] = [:]
    private var progress: [String: ReleaseProgress] = [:]
    private var alarm: Task<Void, Never>?
    private var isStopping = false
    let log = Logger("releases")
    private let journal = ReleaseJournal()

    private let notifications: Notifications
    private let board: ReleaseBoard

    init(
        ports: Ports, store: any ReleaseWriter, notifications: Notifications, board: ReleaseBoard
    ) {
        self.notifications = notifications
        self.board = board
        self.ports = ports
        self.store = store
    }

    // MARK: Life

    /// Resumes everything where the last leader left it.
    /// - Throws: `StoreError` if the store cannot be read.
    func resume() async throws {
        let all = try await StorePage.all {
            try await ports.store.liveReleases(after: $0, limit: ports.limits.pageRows)
        }
        for release in all {
            guard release.state == .running else {
                live[release.id] = release
                continue
            }
            // Its process is gone; the next attempt learns from the journal what is half done.
            var change = ReleaseChange(
                release: release.id, from: [.running], attempt: release.attemptCount, to: .queued,
                atMilliseconds: ports.clock.unixMilliseconds())
            change.notBeforeMilliseconds = 0
            change.isInterruption = true
            do { live[release.id] = try await store.apply(change) } catch let error as StoreError
                where error.code == .unusable
            { log.error("\(error)") }
        }
        // The last leader may have ended between a release and what that supersedes.
        for release in live.values where release.state == .awaitingApproval { await admit(release) }
        pump()
    }

    /// Interrupts running releases; the next leader resumes them.
    func stop() async {
        isStopping = true
        alarm?.cancel()
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
        await changes.close()
    }

    // MARK: Queries

    public func progress(of id: String) -> ReleaseProgress? { progress[id] }

    func hasLive(build: String, environment: String) -> Bool {
        live.values.contains { $0.build == build && $0.environment == environment }
    }

    func hasLive(build: String) -> Bool { live.values.contains { $0.build == build } }

    /// The releases to an environment that have not ended, oldest first.
    func live(environment: String) -> [Release] {
        live.values.filter { $0.environment == environment }
            .sorted { ($0.createdMilliseconds, $0.id) < ($1.createdMilliseconds, $1.id) }
    }

    // MARK: Queue

    /// Adds stored releases to the queue.
    func take(_ releases: [Release]) async {
        for release in releases { await updated(release) }
        for release in releases { await admit(release) }
        pump()
    }

    /// A release that is refused or waits for a person becomes so at once. If that fails, it does
    /// when it begins.
    private func admit(_ release: Release) async {
        let admission = ReleaseAdmission(ports: ports, store: store)
        do {
            guard let change = try await admission.change(of: release),
                let changed = try await store.apply(change)
            else { return }
            await updated(changed)
        } catch { log.warning("cannot check the release \(release.id) yet: \(error)") }
    }

    func updated(_ release: Release) async {
        let old = live[release.id]
        journal.note(old, release)
        live[release.id] = release.state.isEnded ? nil : release
        if release.state.isEnded { progress[release.id] = nil }
        await changes.report(release.id, isOver: release.state.isEnded)
        if release.state == .released {
            await board.note(release)
            await supersede(after: release)
        }
        guard release.state.isEnded else { return }
        Task { await notifications.ended(release) }
        if old != nil { Task { await count(release) } }
    }

    private func count(_ release: Release) async {
        // It may be gone.
        let environment = try? await ports.store.environment(named: release.environment)
        ports.metrics.add(
            FarmMetric.releases,
            [
                release.action.rawValue, environment?.kind.rawValue ?? "unknown",
                release.state.rawValue,
            ])
    }

    /// What waits for an approval, and is older than what is there now, ends with that reason.
    private func supersede(after done: Release) async {
        for waiting in live(environment: done.environment)
        where waiting.state == .awaitingApproval && waiting.guestOS == done.guestOS {
            await admit(waiting)
        }
    }

    func pump() {
        guard !isStopping else { return }
        let now = ports.clock.unixMilliseconds()
        let (overdue, deadline) = ReleaseQueue.overdue(live.values, nowMilliseconds: now)
        for id in overdue { giveUp(id) }
        let (begin, wake) = ReleaseQueue.next(
            live.values, running: Set(running.keys),
            nowMilliseconds: now,
            ReleaseQueue.Bounds(
                atOnce: ports.limits.releasesAtOnce,
                atOncePerEnvironment: ports.limits.releasesAtOncePerEnvironment))
        for id in begin {
            guard let release = live[id] else { continue }
            start(id) { await $0.carryOut(release) }
        }
        let (unanswered, end) = ReleaseQueue.unanswered(
            live.values, nowMilliseconds: now,
            waitMilliseconds: ports.limits.releaseApprovalMilliseconds)
        for id in unanswered where running[id] == nil { start(id) { await $0.expire(id) } }
        if let next = [wake, end, deadline].compactMap(\.self).min() { wakeUp(at: next) }
    }

    private func start(_ id: String, _ work: @escaping @Sendable (ReleaseRun) async -> Void) {
        let run = ReleaseRun(releases: self, ports: ports, store: store)
        running[id] = Task {
            await work(run)
            self.ended(id)
        }
    }

    /// Its time is over.
    private func giveUp(_ id: String) {
        guard let release = live[id] else { return }
        if release.state == .running {
            running[id]?.cancel()
        } else if running[id] == nil {
            start(id) { await $0.timeOut(release) }
        }
    }

    private func ended(_ id: String) {
        running[id] = nil
        pump()
    }

    private func wakeUp(at unixMilliseconds: Int64) {
        alarm?.cancel()
        let delay = max(1, unixMilliseconds - ports.clock.unixMilliseconds())
        alarm = Task {
            do { try await self.ports.clock.sleep(milliseconds: delay) } catch { return }
            self.pump()
        }
    }

    // MARK: Reports of runs

    func note(_ id: String, _ now: ReleaseProgress) async {
        guard progress[id] != now else { return }
        progress[id] = now
        await changes.bump(id)
    }

    /// Reads a release again: another owner has it in the store, or it is in another state than in
    /// memory.
    func refresh(_ id: String) async {
        try? await ports.retrying {
            if let release = try await ports.store.release(id: id) { await updated(release) }
        } unless: { error in
            guard (error as? StoreError)?.code == .unusable else { return }
            live[id] = nil
            throw error
        }
    }

    /// The release as it is now: with what its attempt has noted, and whether it is still wanted.
    func current(_ claimed: Release) -> Release {
        guard let known = live[claimed.id], known.attemptCount == claimed.attemptCount else {
            return claimed
        }
        return known
    }

    /// It has ended in the store; what still works on it is interrupted.
    func abandoned(_ release: Release) async {
        running[release.id]?.cancel()
        await updated(release)
    }

    /// Interrupts a running attempt. One that has not claimed the release yet, or that has recorded
    /// its end already, is about to go: it is waited for.
    /// - Returns: whether there is one that ends by itself.
    func interrupt(_ release: Release) async -> Bool {
        live[release.id] = release
        guard let task = running[release.id] else { return false }
        task.cancel()
        if release.state == .running { return true }
        await task.value
        return false
    }
}

/// Progress of a release, for followers.
public struct ReleaseProgress: Sendable, Hashable {
    public var what: String
    public var doneBytes: Int64
    public var totalBytes: Int64
}
