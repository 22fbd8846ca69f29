import Glibc
import Synchronization

/// The open connections of a server: whom they are from, and since when they have been sending a
/// request. Closes those that take too long and those that are too many, so that clients that send
/// nothing, or a byte now and then, leave room for others.
final class ConnectionTable: Sendable {
    private enum Phase {
        /// No complete headers: new, idle between two requests, or sending them.
        case waiting(untilMilliseconds: Int64)
        /// Sending a body.
        case receiving(sinceMilliseconds: Int64, bytes: Int)
        /// The request has arrived, and is answered.
        case busy
    }

    private struct Entry {
        var peer: String
        var phase: Phase
    }

    private struct State {
        var entries: [Int32: Entry] = [:]
        var waiting = 0
        var waitingOf: [String: Int] = [:]
    }

    private let limits: HTTPServerLimits
    private let state = Mutex(State())

    init(limits: HTTPServerLimits) { self.limits = limits }

    // MARK: What the library reports

    func opened(_ descriptor: Int32, peer: String, nowMilliseconds now: Int64) {
        state.withLock { state in
            let end = now + Int64(limits.headerSeconds) * 1000
            if state.waitingOf[peer, default: 0] >= limits.waitingOfPeer {
                Self.closeOldest(&state) { $0.peer == peer }
            } else if state.waiting >= limits.waiting {
                Self.closeOldest(&state) { _ in true }
            }
            state.entries[descriptor] = Entry(peer: peer, phase: .waiting(untilMilliseconds: end))
            Self.count(1, peer, &state)
        }
    }

    /// The library closes the descriptor after this, so it is not shut down under another's number.
    func closed(_ descriptor: Int32) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: descriptor) else { return }
            if case .waiting = entry.phase { Self.count(-1, entry.peer, &state) }
        }
    }

    func headersArrived(_ descriptor: Int32, nowMilliseconds now: Int64) {
        change(descriptor, to: .receiving(sinceMilliseconds: now, bytes: 0))
    }

    func received(_ descriptor: Int32, bytes: Int) {
        state.withLock { state in
            guard case .receiving(let since, let before) = state.entries[descriptor]?.phase
            else { return }
            state.entries[descriptor]?.phase = .receiving(
                sinceMilliseconds: since, bytes: before + bytes)
        }
    }

    func requestArrived(_ descriptor: Int32) { change(descriptor, to: .busy) }

    func answered(_ descriptor: Int32, nowMilliseconds now: Int64) {
        change(
            descriptor, to: .waiting(untilMilliseconds: now + Int64(limits.idleSeconds) * 1000))
    }

    func close(_ descriptor: Int32) {
        state.withLock { state in
            // Only if it is still the library's.
            if state.entries[descriptor] != nil { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    // MARK: Time

    /// Closes the connections whose headers or bodies take longer than they may.
    func closeLate(nowMilliseconds now: Int64) {
        state.withLock { state in
            for (descriptor, entry) in state.entries where isLate(entry.phase, now) {
                shutdown(descriptor, Int32(SHUT_RDWR))
            }
        }
    }

    private func isLate(_ phase: Phase, _ now: Int64) -> Bool {
        switch phase {
        case .waiting(let end): now >= end
        case .receiving(let since, let bytes):
            now - since >= Int64(limits.bodySeconds) * 1000
                + Int64(bytes) * 1000 / Int64(limits.bodyBytesPerSecond)
        case .busy: false
        }
    }

    // MARK: Counting

    private func change(_ descriptor: Int32, to phase: Phase) {
        state.withLock { state in
            guard let entry = state.entries[descriptor] else { return }
            if case .waiting = entry.phase { Self.count(-1, entry.peer, &state) }
            if case .waiting = phase { Self.count(1, entry.peer, &state) }
            state.entries[descriptor]?.phase = phase
        }
    }

    private static func count(_ change: Int, _ peer: String, _ state: inout State) {
        state.waiting += change
        let left = state.waitingOf[peer, default: 0] + change
        state.waitingOf[peer] = left == 0 ? nil : left
    }

    /// Shuts the connection down that has waited longest; the library then notices its end. Until
    /// then it is no longer counted as waiting.
    private static func closeOldest(_ state: inout State, _ isMeant: (Entry) -> Bool) {
        var oldest: (descriptor: Int32, end: Int64)?
        for (descriptor, entry) in state.entries {
            guard case .waiting(let end) = entry.phase, isMeant(entry) else { continue }
            if oldest.map({ end < $0.end }) ?? true { oldest = (descriptor, end) }
        }
        guard let oldest, let peer = state.entries[oldest.descriptor]?.peer else { return }
        shutdown(oldest.descriptor, Int32(SHUT_RDWR))
        count(-1, peer, &state)
        state.entries[oldest.descriptor]?.phase = .busy
    }
}
