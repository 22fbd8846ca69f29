import Glibc
import HTTPTypes
import Synchronization

/// The open connections of a server: whom they are from, and what happens on each. Closes those
/// that take too long and those that are too many, so that clients that send nothing, a byte now
/// and then, or hold what they once opened, leave room for others.
final class ConnectionTable: Sendable {
    private enum Phase {
        /// No complete headers: new, idle between two requests, or sending them.
        case waiting(untilMilliseconds: Int64)
        /// Sending a body.
        case receiving(sinceMilliseconds: Int64, bytes: Int)
        /// The request has arrived and is handled. The library does not look at its socket.
        case handling
        /// The response is sent, or a stream of events.
        case sending(sinceMilliseconds: Int64)
        /// It was shut down here, and the library will notice.
        case closing
    }

    private struct Entry {
        var peer: String
        var phase: Phase
    }

    private struct State {
        var entries: [Int32: Entry] = [:]
        /// Without those that are closing.
        var open = 0
        var openOf: [String: Int] = [:]
        var waiting = 0
        var waitingOf: [String: Int] = [:]
    }

    private let limits: HTTPServerLimits
    /// Each stands for many peers.
    private let proxies: TrustedProxies
    private let state = Mutex(State())

    init(limits: HTTPServerLimits, proxies: TrustedProxies) {
        self.limits = limits
        self.proxies = proxies
    }

    // MARK: What the library reports

    /// - Returns: a connection that was shut down to make room; if it is a stream, the library
    ///   notices only once the stream is cut.
    func opened(_ descriptor: Int32, peer: String, nowMilliseconds now: Int64) -> Int32? {
        state.withLock { state in
            let closed = makeRoom(for: peer, &state)
            let end = now + Int64(limits.headerSeconds) * 1000
            state.entries[descriptor] = Entry(peer: peer, phase: .waiting(untilMilliseconds: end))
            Self.count(1, peer, &state.open, &state.openOf)
            Self.count(1, peer, &state.waiting, &state.waitingOf)
            if closed == nil, state.openOf[peer, default: 0] > limits.connectionsOfPeer,
                !proxies.contains(peer)
            {
                Self.shutDown(descriptor, &state)
            }
            return closed
        }
    }

    /// The library closes the descriptor after this, so it is not shut down under another's number.
    func closed(_ descriptor: Int32) {
        state.withLock { state in
            Self.change(descriptor, to: .closing, &state)
            state.entries[descriptor] = nil
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

    func requestArrived(_ descriptor: Int32) { change(descriptor, to: .handling) }

    func answering(_ descriptor: Int32, nowMilliseconds now: Int64) {
        change(descriptor, to: .sending(sinceMilliseconds: now))
    }

    /// Many that were opened one after the other may end their requests all at once.
    func answered(_ descriptor: Int32, nowMilliseconds now: Int64) {
        let end = now + Int64(limits.idleSeconds) * 1000
        state.withLock { state in
            Self.change(descriptor, to: .waiting(untilMilliseconds: end), &state)
            guard let peer = state.entries[descriptor]?.peer else { return }
            if state.waitingOf[peer, default: 0] > limits.waitingOfPeer, !proxies.contains(peer) {
                _ = Self.closeIdlest(&state) { $0 == peer }
            } else if state.waiting > limits.waiting {
                _ = Self.closeIdlest(&state) { _ in true }
            }
        }
    }

    func close(_ descriptor: Int32) {
        state.withLock { state in
            // Only if it is still the library's.
            if state.entries[descriptor] != nil { Self.shutDown(descriptor, &state) }
        }
    }

    // MARK: Time

    /// Closes the connections whose headers or bodies take longer than they may.
    func closeLate(nowMilliseconds now: Int64) {
        state.withLock { state in
            let late = state.entries.filter { isLate($0.value.phase, now) }.keys
            for descriptor in late { Self.shutDown(descriptor, &state) }
        }
    }

    private func isLate(_ phase: Phase, _ now: Int64) -> Bool {
        switch phase {
        case .waiting(let end): now >= end
        case .receiving(let since, let bytes):
            now - since >= Int64(limits.bodySeconds) * 1000
                + Int64(bytes) * 1000 / Int64(limits.bodyBytesPerSecond)
        case .handling, .sending, .closing: false
        }
    }

    // MARK: Room

    /// Before one more connection of `peer`: shuts one down if there are too many.
    private func makeRoom(for peer: String, _ state: inout State) -> Int32? {
        let ofPeer = state.openOf[peer, default: 0]
        if ofPeer >= limits.connectionsOfPeer
            || state.waitingOf[peer, default: 0] >= limits.waitingOfPeer,
            !proxies.contains(peer)
        {
            return Self.closeIdlest(&state) { $0 == peer }
        }
        guard state.open >= limits.connections || state.waiting >= limits.waiting else {
            return nil
        }
        if let idlest = Self.closeIdlest(&state, { _ in true }) { return idlest }
        // Nothing is idle. Whoever holds most gives one to whoever would still hold less.
        guard let largest = state.openOf.max(by: { $0.value < $1.value }),
            largest.value > ofPeer + 1
        else { return nil }
        return Self.closeOldest(of: largest.key, &state)
    }

    /// Of the peers that are meant, the one that holds most connections gives the one that has
    /// waited longest for a request.
    private static func closeIdlest(
        _ state: inout State, _ isMeant: (String) -> Bool
    ) -> Int32? {
        var idlest: (descriptor: Int32, held: Int, end: Int64)?
        for (descriptor, entry) in state.entries {
            guard case .waiting(let end) = entry.phase, isMeant(entry.peer) else { continue }
            let held = state.openOf[entry.peer, default: 0]
            if idlest.map({ held > $0.held || held == $0.held && end < $0.end }) ?? true {
                idlest = (descriptor, held, end)
            }
        }
        if let idlest { shutDown(idlest.descriptor, &state) }
        return idlest?.descriptor
    }

    /// A request that is handled goes on: what it does may not be repeatable.
    private static func closeOldest(of peer: String, _ state: inout State) -> Int32? {
        var oldest: (descriptor: Int32, since: Int64)?
        for (descriptor, entry) in state.entries where entry.peer == peer {
            switch entry.phase {
            case .receiving(let since, _), .sending(let since):
                if oldest.map({ since < $0.since }) ?? true { oldest = (descriptor, since) }
            case .waiting, .handling, .closing: continue
            }
        }
        if let oldest { shutDown(oldest.descriptor, &state) }
        return oldest?.descriptor
    }

    /// The library then notices its end. Until then it is no longer counted.
    private static func shutDown(_ descriptor: Int32, _ state: inout State) {
        shutdown(descriptor, Int32(SHUT_RDWR))
        change(descriptor, to: .closing, &state)
    }

    // MARK: Counting

    private func change(_ descriptor: Int32, to phase: Phase) {
        state.withLock { Self.change(descriptor, to: phase, &$0) }
    }

    private static func change(_ descriptor: Int32, to phase: Phase, _ state: inout State) {
        guard let entry = state.entries[descriptor] else { return }
        // What was shut down stays so, whatever the library still reports of it.
        if case .closing = entry.phase { return }
        if case .waiting = entry.phase { count(-1, entry.peer, &state.waiting, &state.waitingOf) }
        if case .waiting = phase { count(1, entry.peer, &state.waiting, &state.waitingOf) }
        if case .closing = phase { count(-1, entry.peer, &state.open, &state.openOf) }
        state.entries[descriptor]?.phase = phase
    }

    private static func count(
        _ change: Int, _ peer: String, _ all: inout Int, _ ofPeer: inout [String: Int]
    ) {
        all += change
        let left = ofPeer[peer, default: 0] + change
        ofPeer[peer] = left == 0 ? nil : left
    }
}
