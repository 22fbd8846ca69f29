import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support

/// A stream of server-sent events about one thing that changes until it ends. It holds a position,
/// never a queue: each call reads what is new, so a slow follower costs nothing and misses nothing.
protocol LiveEvents: HTTPStreamSource, Actor {
    nonisolated var api: APIContext { get }
    /// Where changes are announced, and under which key.
    nonisolated var changes: ChangeHub { get }
    nonisolated var key: String { get }
    /// What is sent when nothing was for a while.
    nonisolated var heartbeat: [UInt8] { get }
    /// Set together with the last piece.
    var hasEnded: Bool { get set }

    /// What is new since the last call; empty if nothing is, `nil` if there is no such thing.
    func news() async throws -> [UInt8]?
}

extension LiveEvents {
    nonisolated var heartbeat: [UInt8] { EventText.heartbeat }

    func cancelled() async {}

    func next() async -> [UInt8]? {
        while !hasEnded && !Task.isCancelled {
            // The version is read before the state, so that no change falls between the two.
            let seen = await changes.now()
            if await changes.isClosed {
                // The coordinator stops, what is followed does not: the stream ends without `end`.
                hasEnded = true
                return EventText.farewell
            }
            do {
                guard let news = try await news() else { return nil }
                if !news.isEmpty { return news }
            } catch {
                // The store is unavailable for now; the follower stays.
                Logger("api").warning("events of \(key): \(error)")
            }
            if await !api.change(of: key, in: changes, after: seen) { return heartbeat }
        }
        return nil
    }
}

extension APIContext {
    /// Waits for a change. Returns `false` if the next heartbeat is due first.
    func change(of key: String, in changes: ChangeHub, after seen: UInt64) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await changes.wait(key, after: seen)
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

/// The position of a follower: `<attempt>:<byte offset>`, the id of the last event it saw.
struct LogPosition: Sendable, Hashable {
    var attempt: AttemptToken
    var cursor: Int64

    var text: String { "\(attempt):\(cursor)" }

    static func parse(_ text: String?) throws -> LogPosition? {
        guard let text, !text.isEmpty else { return nil }
        let parts = text.split(separator: ":")
        guard parts.count == 2, let attempt = AttemptToken(String(parts[0])),
            let cursor = Int64(parts[1]), ByteBound.range.contains(cursor)
        else {
            throw Problem.badRequest(
                "Invalid position in a log: '\(text.prefix(80))'",
                remedy: "Send the ID of the last event, or none to start at the beginning")
        }
        return LogPosition(attempt: attempt, cursor: cursor)
    }
}

/// The pieces of a `text/event-stream`.
enum EventText {
    /// A comment, by which both ends notice a dead connection.
    static let heartbeat = Array(": still here\n\n".utf8)
    /// The same as an event, for browsers: their scripts see no comments, and a connection may be
    /// dead without being closed.
    static let alive = Array("event: alive\ndata: {}\n\n".utf8)
    /// The last words of a coordinator that stops. Has browsers come back after a second instead
    /// of their own, longer pause.
    static let farewell = Array(
        ": the coordinator is stopping; connect again\nretry: 1000\n\n".utf8)

    /// Line ends in what is passed become spaces: they would begin a field of the stream.
    ///
    /// - Parameters:
    ///   - data: one line.
    ///   - id: what a follower sends as `Last-Event-ID` to resume after this event.
    static func event(_ name: String, _ data: String, id: String? = nil) -> [UInt8] {
        let id = id.map { "id: \($0)\n" } ?? ""
        return Array("event: \(name)\n\(id)data: \(oneLine(data))\n\n".utf8)
    }

    private static func oneLine(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return text }
        return String(
            decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    /// One event whose data are `lines`, each with its newline. A carriage return would end a line
    /// of the stream as well, and becomes a space; JSON has none but between its tokens.
    static func event(_ name: String, lines: ArraySlice<UInt8>, id: String) -> [UInt8] {
        var out = Array("event: \(name)\nid: \(id)\n".utf8)
        out.reserveCapacity(lines.count + lines.count / 8)
        let prefix = Array("data: ".utf8)
        lines.withUnsafeBytes { bytes in
            var start = 0
            while let newline = ByteSearch.first(0x0A, in: bytes, from: start) {
                out += prefix
                out += bytes[start...newline]
                start = newline + 1
            }
            guard ByteSearch.first(0x0D, in: bytes) != nil else { return }
            for index in out.indices where out[index] == 0x0D { out[index] = 0x20 }
        }
        out.append(0x0A)
        return out
    }
}
