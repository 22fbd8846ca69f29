import BuildProtocol
import CoordinatorCore
import Support

/// Carries images to environments: begins what may begin, looks after each try, and takes up what
/// an earlier leader left. Store first, memory second, as with builds.
public actor Releases {
    private let ports: Ports
    private let store: any ReleaseWriter
    /// Hears of every change; keys are release ids, and `ChangeHub.everything`.
    public nonisolated let changes = ChangeHub()
    private var live: [String: Release] = [:]
    private var running: [String: Task<Void, Never>] = [:]
    private var progress: [String: ReleaseProgress] = [:]
    private var alarm: Task<Void, Never>?
    private var isStopping = false
    let log = Logger("releases")

    init(ports: Ports, store: any ReleaseWriter) {
        self.ports = ports
        self.store = store
    }

    // MARK: Life

    /// Takes up everything where the last leader left it.
    /// - Throws: `StoreError` if the store cannot be read.
    func takeUp() async throws {
        for release in try await ports.store.liveReleases() {
            guard release.state == .running else {
                live[release.id] = release
                continue
            }
            // Its process is gone; the next try finds in the journal what is half-made.
            var change = ReleaseChange(
                release: release.id, from: [.running], attempt: release.attemptCount, to: .queued,
                atMilliseconds: ports.clock.unixMilliseconds())
            change.notBeforeMilliseconds = 0
            live[release.id] = try await store.apply(change)
        }
        pump()
    }

    /// Breaks off what runs: it is taken up again by whoever leads next.
    func stop() async {
        isStopping = true
        alarm?.cancel()
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
        await changes.close()
    }

    // MARK: What is there

    public func progress(of id: String) -> ReleaseProgress? { progress[id] }

    func hasLive(build: String, environment: String) -> Bool {
        live.values.contains { $0.build == build && $0.environment == environment }
    }

    func hasLive(build: String) -> Bool { live.values.contains { $0.build == build } }

    func hasLive(environment: String) -> Bool {
        live.values.contains { $0.environment == environment }
    }

    // MARK: Queue

    /// Takes what was stored into the queue.
    func take(_ releases: [Release]) async {
        for release in releases { await updated(release) }
        pump()
    }

    func updated(_ release: Release) async {
        live[release.id] = release.state.isEnded ? nil : release
        if release.state.isEnded { progress[release.id] = nil }
        await changes.report(release.id, isOver: release.state.isEnded)
    }

    func pump() {
        guard !isStopping else { return }
        let (begin, wake) = ReleaseQueue.next(
            live.values, running: Set(running.keys),
            nowMilliseconds: ports.clock.unixMilliseconds(),
            ReleaseQueue.Bounds(
                atOnce: ports.limits.releasesAtOnce,
                atOncePerEnvironment: ports.limits.releasesAtOncePerEnvironment))
        for id in begin {
            guard let release = live[id] else { continue }
            let run = ReleaseRun(releases: self, ports: ports, store: store)
            running[id] = Task {
                await run.carryOut(release)
                self.ended(id)
            }
        }
        if let wake { wakeUp(at: wake) }
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

    // MARK: What runs say

    func note(_ id: String, _ now: ReleaseProgress) async {
        guard progress[id] != now else { return }
        progress[id] = now
        await changes.bump(id)
    }

    /// The store has it in other hands, or in another state than this coordinator thinks.
    func refresh(_ id: String) async {
        guard let release = try? await ports.store.release(id: id) else { return }
        await updated(release)
    }

    func isUnwanted(_ id: String) -> Bool { live[id]?.cancelRequested ?? false }

    /// Breaks off a try that runs.
    /// - Returns: whether one did.
    func interrupt(_ release: Release) async -> Bool {
        live[release.id] = release
        guard let task = running[release.id] else { return false }
        task.cancel()
        return true
    }
}

/// Where a release stands, for the person who waits.
public struct ReleaseProgress: Sendable, Hashable {
    public var what: String
    public var doneBytes: Int64
    public var totalBytes: Int64

    public init(what: String, doneBytes: Int64 = 0, totalBytes: Int64 = 0) {
        self.what = what
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
