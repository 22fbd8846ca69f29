import HTTPClientKit
import Support
import Synchronization

/// Reads a stream of server-sent events to its `end`. After a lost connection it reconnects and
/// continues after the last complete event.
final class EventFollower: Sendable {
    private struct State {
        var parser = ServerSentEventParser()
        var lastEventID = ""
        /// The data of the `end` event.
        var end: String?
        /// When the last byte came.
        var heard = Clocks.monotonicMilliseconds()
        var wasConnected = false
        var isLost = false
    }

    /// How long a coordinator may be unreachable (an upgrade, a reboot) before following ends.
    private static let patienceMilliseconds: Int64 = 10 * 60 * 1000
    private static let firstPauseMilliseconds: Int64 = 250
    private static let longestPauseMilliseconds: Int64 = 10_000

    private let api: APIClient
    private let path: String
    private let connection: ConnectionNotes
    private let advice: String
    private let state = Mutex(State())

    /// - Parameter advice: what to say if the coordinator stays away.
    init(_ api: APIClient, path: String, connection: ConnectionNotes, advice: String) {
        self.api = api
        self.path = path
        self.connection = connection
        self.advice = advice
    }

    /// - Parameter show: gets every event but `end`.
    /// - Returns: the data of `end`.
    func follow(
        _ show: @escaping @Sendable (ServerSentEvent) throws -> Void
    ) async throws -> String {
        var pause = Self.firstPauseMilliseconds
        while true {
            let before = state.withLock(\.heard)
            let failure = await connect(show)
            if let end = state.withLock(\.end) { return end }
            try giveUp(after: failure)
            if state.withLock(\.heard) != before { pause = Self.firstPauseMilliseconds }
            if state.withLock({ $0.isLost.set() }) {
                connection.lost(failure?.message ?? "the coordinator ended the stream")
            }
            try await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, Self.longestPauseMilliseconds)
        }
    }

    /// One connection, to its end.
    private func connect(
        _ show: @escaping @Sendable (ServerSentEvent) throws -> Void
    ) async -> HTTPClientError? {
        let last = state.withLock { state in
            state.parser = ServerSentEventParser()
            return state.lastEventID
        }
        do throws(HTTPClientError) {
            try await api.stream(path, lastEventID: last) { try self.take(Array($0), show) }
            return nil
        } catch {
            return error
        }
    }

    private func take(_ bytes: [UInt8], _ show: (ServerSentEvent) throws -> Void) throws {
        let (events, isBack) = try state.withLock { state in
            let events = try state.parser.feed(bytes)
            state.heard = Clocks.monotonicMilliseconds()
            state.wasConnected = true
            // The parser of a new connection has no id until the first one arrives.
            if !state.parser.lastEventID.isEmpty { state.lastEventID = state.parser.lastEventID }
            return (events, state.isLost.clear())
        }
        if isBack { connection.isBack() }
        for event in events {
            if event.name == "end" {
                state.withLock { $0.end = event.data }
            } else {
                try show(event)
            }
        }
    }

    /// Throws if a retry is pointless.
    private func giveUp(after failure: HTTPClientError?) throws {
        let (wasConnected, heard) = state.withLock { ($0.wasConnected, $0.heard) }
        if let failure {
            if let cause = failure.cause { throw cause }
            let isAway: Bool =
                if case .status(let status) = failure.code { status >= 500 } else {
                    !failure.isPermanent
                }
            if !wasConnected || !isAway { throw api.commandError(failure) }
        }
        if Clocks.monotonicMilliseconds() - heard > Self.patienceMilliseconds {
            throw CommandError(
                .unreachable, "The coordinator has been unreachable for 10 min. \(advice)")
        }
    }
}

extension Bool {
    /// Makes it true. - Returns: whether it was false.
    fileprivate mutating func set() -> Bool {
        defer { self = true }
        return !self
    }

    /// Makes it false. - Returns: whether it was true.
    fileprivate mutating func clear() -> Bool {
        defer { self = false }
        return self
    }
}

/// Says when the connection to the coordinator is lost and when it is back: once, however many
/// streams it carries.
final class ConnectionNotes: Sendable {
    private let progress: ProgressLine
    private let lostStreams = Mutex(0)

    init(_ progress: ProgressLine) { self.progress = progress }

    func lost(_ why: String) {
        let isFirst = lostStreams.withLock { count in
            count += 1
            return count == 1
        }
        if isFirst {
            progress.say("aibuild: Connection lost: \(SafeText.line(why)). Reconnecting …")
        }
    }

    func isBack() {
        let isLast = lostStreams.withLock { count in
            count -= 1
            return count == 0
        }
        if isLast { progress.say("aibuild: Reconnected") }
    }
}
