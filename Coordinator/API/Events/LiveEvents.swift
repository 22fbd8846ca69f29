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
    /// Set together with the last piece.
    var hasEnded: Bool { get set }

    /// What is new since the last call; empty if nothing is, `nil` if there is no such thing.
    func news() async throws -> [UInt8]?
}

extension LiveEvents {
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
            if await !api.change(of: key, in: changes, after: seen) { return EventText.heartbeat }
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
