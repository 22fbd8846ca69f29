import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// One follower of one build: its state, progress and log until it ends.
actor BuildEvents: LiveEvents {
    /// What a follower gets of the log.
    enum Log {
        /// Its records, from a position on.
        case records(LogPosition?)
        /// How long it is: the follower reads the lines that it shows.
        case count
    }

    nonisolated let api: APIContext
    nonisolated let key: String
    nonisolated var changes: ChangeHub { api.coordinator.changes }
    nonisolated let heartbeat: [UInt8]
    var hasEnded = false
    private let onlyCounts: Bool
    private var position: LogPosition?
    /// Attempts whose logs are still to be shown, oldest first; the last is the current one.
    private var attempts: [AttemptToken] = []
    private var shown: (Build, LiveDetail)?
    private var shownState: String?
    private var shownBytes: Int64?
    private let follower: CountedFollower

    init(build: Build, log: Log, api: APIContext) {
        key = build.id
        switch log {
        case .records(let position): (self.position, onlyCounts) = (position, false)
        case .count: (position, onlyCounts) = (nil, true)
        }
        self.api = api
        // Pages count lines; programs read records.
        heartbeat = onlyCounts ? EventText.alive : EventText.heartbeat
        follower = CountedFollower(.build, api)
    }

    func news() async throws -> [UInt8]? {
        // The state is read before the log: what ended has its whole log here.
        guard let (build, live) = try await api.coordinator.find(key) else { return nil }
        let state = try await stateEvent(build, live)
        let log = try await onlyCounts ? countEvent(build) : logEvents(build)
        guard build.state.isEnded && log.isEmpty else {
            return state.isEmpty ? log : state + log
        }
        hasEnded = true
        return state + EventText.event("end", try CanonicalJSON.text(BuildView(build)))
    }

    /// Empty if nothing is new, which is found out before encoding: each piece of log wakes a
    /// thousand followers.
    private func stateEvent(_ build: Build, _ live: LiveDetail) async throws -> [UInt8] {
        if build.state != .queued, let shown, shown == (build, live) { return [] }
        var view = BuildView(build, live)
        if build.state == .queued, view.phase == nil {
            view.phase = await api.coordinator.leader?.tracker.explain(key)?.summary
        }
        shown = (build, live)
        let text = try CanonicalJSON.text(view)
        guard text != shownState else { return [] }
        shownState = text
        return EventText.event("state", text)
    }

    private struct Count: Encodable {
        var total: Int
        var sizeBytes: Int64
    }

    /// Also tells of a last line that grows.
    private func countEvent(_ build: Build) async throws -> [UInt8] {
        if attempts.last != build.attempt, build.attempt != nil { try await learnAttempts() }
        let extent = try await api.buildLogs.extent(of: attempts)
        let count = Count(
            total: extent.last?.lastLine ?? 0, sizeBytes: extent.map(\.sizeBytes).clampedSum())
        guard count.sizeBytes != shownBytes else { return [] }
        shownBytes = count.sizeBytes
        return EventText.event("lines", try CanonicalJSON.text(count))
    }

    private func logEvents(_ build: Build) async throws -> [UInt8] {
        if attempts.last != build.attempt, build.attempt != nil { try await learnAttempts() }
        while let attempt = attempts.first {
            if position?.attempt != attempt { position = LogPosition(attempt: attempt, cursor: 0) }
            guard let position else { return [] }
            let bytes = try await api.ports.logs.read(
                attempt, from: position.cursor, limit: APILimits.eventLogBytes)
            // Whole lines only: a record that is half written here comes with the next piece.
            if let end = bytes.lastIndex(of: 0x0A) {
                self.position?.cursor += Int64(end + 1)
                let next = LogPosition(
                    attempt: attempt, cursor: position.cursor + Int64(end + 1))
                return EventText.event("log", lines: bytes[...end], id: next.text)
            }
            guard attempts.count > 1 else { return [] }
            attempts.removeFirst()
        }
        return []
    }

    /// The attempts from the follower's position to the newest.
    private func learnAttempts() async throws {
        var all = try await api.ports.store.attempts(ofBuild: key).map(\.token)
        if let here = position?.attempt, let index = all.firstIndex(of: here) {
            all.removeFirst(index)
        }
        attempts = all
    }
}
