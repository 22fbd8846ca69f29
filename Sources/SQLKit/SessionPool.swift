import Synchronization

/// Lends each session to one caller at a time. Callers queue, and the queue is bounded. The session
/// that was used last is lent first, so that a quiet system keeps few connections open.
final class SessionPool: Sendable {
    private struct State {
        var idle: [SQLSession]
        var waiting: [CheckedContinuation<SQLSession, Never>] = []
        /// Callers before this index have been served; the array is compacted when it pays.
        var served = 0
    }

    let sessions: [SQLSession]
    private let state: Mutex<State>

    init(_ sessions: [SQLSession]) {
        self.sessions = sessions
        state = Mutex(State(idle: sessions))
    }

    func withSession<T: Sendable>(
        _ body: (SQLSession) async throws -> T
    ) async throws -> T {
        let session = try await borrow()
        defer { giveBack(session) }
        return try await body(session)
    }

    private func borrow() async throws(SQLError) -> SQLSession {
        let isOverfull = state.withLock {
            $0.idle.isEmpty && $0.waiting.count - $0.served >= SQLLimits.waitingCalls
        }
        if isOverfull {
            throw SQLError(
                .busy,
                "\(SQLLimits.waitingCalls) calls wait for the database already; "
                    + "it is too slow for what is asked of it")
        }
        return await withCheckedContinuation { continuation in
            let session = state.withLock { state -> SQLSession? in
                if let session = state.idle.popLast() { return session }
                state.waiting.append(continuation)
                return nil
            }
            if let session { continuation.resume(returning: session) }
        }
    }

    private func giveBack(_ session: SQLSession) {
        let next = state.withLock { state -> CheckedContinuation<SQLSession, Never>? in
            guard state.served < state.waiting.count else {
                state.idle.append(session)
                return nil
            }
            let next = state.waiting[state.served]
            state.served += 1
            if state.served == state.waiting.count || state.served >= 1024 {
                state.waiting.removeFirst(state.served)
                state.served = 0
            }
            return next
        }
        next?.resume(returning: session)
    }
}
