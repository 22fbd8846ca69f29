import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// One follower of one build. It holds a position, never a queue: each call reads what is new in
/// the log file and in the state, so a slow follower costs nothing and misses nothing.
actor BuildEvents: HTTPStreamSource {
    private let id: String
    private let api: APIContext
    private var position: LogPosition?
    /// Attempts whose logs are still to be shown, oldest first; the last is the current one.
    private var attempts: [AttemptToken] = []
    private var shown: (Build, LiveDetail)?
    private var shownState: String?
    private var hasEnded = false

    init(build: Build, from position: LogPosition?, api: APIContext) {
        id = build.id
        self.position = position
        self.api = api
    }

    func cancelled() async {}

    func next() async -> [UInt8]? {
        if hasEnded { return nil }
        while !Task.isCancelled {
            let seen = await api.coordinator.changes.now()
            if await api.coordinator.changes.isClosed { return farewell() }
            do {
                // The state is read before the log: what ended has its whole log here.
                guard let (build, live) = try await api.coordinator.find(id) else { return nil }
                var out = try await stateEvent(build, live)
                let log = try await logEvents(build)
                out += log
                if build.state.isEnded && log.isEmpty {
                    hasEnded = true
                    return out + event("end", try encode(BuildView(build)))
                }
                if !out.isEmpty { return out }
            } catch {
                // The store is away for now; the follower stays.
                Logger("api").warning("events of build \(id): \(error)")
            }
            if await !api.waitForChange(id, after: seen) { return Array(": still here\n\n".utf8) }
        }
        return nil
    }

    /// The coordinator ends, the build does not: no `end` event, but the end of the stream.
    private func farewell() -> [UInt8]? {
        hasEnded = true
        return streamFarewell
    }

    /// Empty when nothing of it is new. Of what a piece of log changed, that is known before it
    /// is encoded: a thousand followers are woken by each piece.
    private func stateEvent(_ build: Build, _ live: LiveDetail) async throws -> [UInt8] {
        if build.state != .queued, let shown, shown == (build, live) { return [] }
        var view = BuildView(build, live)
        if build.state == .queued, view.phase == nil {
            view.phase = await api.coordinator.leader?.tracker.explain(id)?.summary
        }
        shown = (build, live)
        let text = try encode(view)
        guard text != shownState else { return [] }
        shownState = text
        return event("state", text)
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
                return logEvent(
                    bytes[...end],
                    LogPosition(
                        attempt: attempt, cursor: position.cursor + Int64(end + 1)))
            }
            guard attempts.count > 1 else { return [] }
            attempts.removeFirst()
        }
        return []
    }

    /// The attempts from the one where the follower stands to the newest.
    private func learnAttempts() async throws {
        var all = try await api.ports.store.attempts(ofBuild: id).map(\.token)
        if let here = position?.attempt, let index = all.firstIndex(of: here) {
            all.removeFirst(index)
        }
        attempts = all
    }

    private func logEvent(_ lines: ArraySlice<UInt8>, _ position: LogPosition) -> [UInt8] {
        var out = Array("event: log\nid: \(position.text)\n".utf8)
        out.reserveCapacity(lines.count + lines.count / 8)
        let prefix = Array("data: ".utf8)
        lines.withUnsafeBytes { bytes in
            var start = 0
            while let newline = ByteSearch.first(0x0A, in: bytes, from: start) {
                out += prefix
                out += bytes[start...newline]
                start = newline + 1
            }
        }
        out.append(0x0A)
        return out
    }
}

/// Follows every build's state: what the queue page and dashboards listen to. Says only that
/// something changed; the listener asks for what it shows.
actor FarmEvents: HTTPStreamSource {
    private let api: APIContext
    private var seen: UInt64 = 0
    private var hasEnded = false

    init(api: APIContext) { self.api = api }

    func cancelled() async {}

    func next() async -> [UInt8]? {
        if hasEnded { return nil }
        if await api.coordinator.changes.isClosed {
            hasEnded = true
            return streamFarewell
        }
        let since = seen
        seen = await api.coordinator.changes.now()
        if since == 0 { return event("changed", "{}") }
        let changed = await api.waitForChange(ChangeHub.everything, after: since)
        return changed ? event("changed", "{}") : Array(": still here\n\n".utf8)
    }
}

extension APIContext {
    /// `false` when only the heartbeat's time has come.
    fileprivate func waitForChange(_ key: String, after seen: UInt64) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await coordinator.changes.wait(key, after: seen)
                return true
            }
            group.addTask {
                try? await ports.clock.sleep(milliseconds: APILimits.heartbeatMilliseconds)
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }
}

/// Has browsers come back after a second instead of their own, longer pause.
private let streamFarewell = Array(": the coordinator is ending; ask again\nretry: 1000\n\n".utf8)

private func event(_ name: String, _ data: String) -> [UInt8] {
    Array("event: \(name)\ndata: \(data)\n\n".utf8)
}

private func encode(_ view: BuildView) throws -> String {
    try CanonicalJSON.text(view)
}
