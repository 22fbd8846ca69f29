public import CoordinatorCore
import Support
import Synchronization

/// Who is who, in memory, so that a request is judged by its headers without waiting for the store.
/// The leader's follows each of its own changes; a standby's is read anew every few seconds.
public final class AccessDirectory: Sendable {
    private struct State {
        var book = AccessBook()
        var tokenUses: [String: Int64] = [:]
        var sessionUses: [String: Int64] = [:]
    }

    private let clock: any TimeSource
    private let state = Mutex(State())

    public init(clock: any TimeSource) { self.clock = clock }

    public func load(from store: any AccessReader) async throws {
        let book = AccessBook(try await store.accessRecords())
        state.withLock { $0.book = book }
    }

    /// Keeps a standby's directory current, until the task is cancelled. While the store cannot be
    /// read, what is known goes on to count.
    public func keepCurrent(
        _ store: any AccessReader, _ isLeading: @Sendable () async -> Bool
    ) async {
        while !Task.isCancelled {
            if await !isLeading() { try? await load(from: store) }
            try? await clock.sleep(milliseconds: AccessTimes.reloadMilliseconds)
        }
    }

    /// Follows a change that the store has made.
    func follow(_ change: AccessChange) {
        state.withLock { state in
            // Whatever the store accepted holds here as well, up to what another coordinator
            // changed since the last load.
            try? state.book.apply(change)
        }
    }

    public var records: AccessRecords { state.withLock(\.book).records }

    public func principal(_ name: String) -> Principal? {
        state.withLock { $0.book.principals[name] }
    }

    /// Whom another system knows by this subject.
    func principal(subject: String, _ source: Principal.Source) -> Principal? {
        state.withLock { state in
            state.book.principals.values.first { $0.subject == subject && $0.source == source }
        }
    }

    /// One user's, by their ids. Not all are sorted to find them: every sign-in counts its own.
    public func tokens(of name: String) -> [APIToken] {
        state.withLock { $0.book.tokens(of: name) }
    }

    /// One user's, the last used first.
    public func sessions(of name: String) -> [BrowserSession] {
        state.withLock { $0.book.sessions.values.filter { $0.principal == name } }
            .sorted { $0.lastUsedMilliseconds > $1.lastUsedMilliseconds }
    }

    var counts: (principals: Int, tokens: Int, sessions: Int) {
        state.withLock { ($0.book.principals.count, $0.book.tokens.count, $0.book.sessions.count) }
    }

    func token(id: String) -> APIToken? { state.withLock { $0.book.tokens[id] } }

    /// The caller whose request has the token of this SHA-256, in hex; `nil` if it is unknown,
    /// expired, or its user may not do anything any more.
    public func caller(tokenDigest digest: String) -> Caller? {
        let now = clock.unixMilliseconds()
        return state.withLock { state in
            guard let token = state.book.token(digest: digest),
                token.expiresMilliseconds.map({ now < $0 }) ?? true,
                token.createdMilliseconds - AccessTimes.clockSlackMilliseconds <= now,
                let role = Self.role(of: token.principal, state.book)
            else { return nil }
            if Self.isNews(now, after: token.lastUsedMilliseconds, state.tokenUses[token.id]) {
                state.tokenUses[token.id] = now
            }
            return Caller(
                name: token.principal, way: .token(id: token.id, token.kind), role: role.role,
                rights: role.role.rights.intersection(token.rights), teams: role.teams,
                guestOSes: token.coversAll ? nil : token.guestOSes,
                userSinceMilliseconds: role.sinceMilliseconds)
        }
    }

    /// The caller whose browser sent this cookie.
    public func caller(session: String) -> Caller? {
        let digest = SHA256.hex(session.utf8)
        let now = clock.unixMilliseconds()
        return state.withLock { state in
            guard let session = state.book.sessions[digest],
                session.isAlive(
                    atMilliseconds: now, lastUsed: state.sessionUses[digest],
                    idleMilliseconds: AccessTimes.sessionIdleMilliseconds,
                    longestMilliseconds: AccessTimes.sessionMilliseconds),
                let role = Self.role(of: session.principal, state.book)
            else { return nil }
            if Self.isNews(now, after: session.lastUsedMilliseconds, state.sessionUses[digest]) {
                state.sessionUses[digest] = now
            }
            return Caller(
                name: session.principal, way: .session(digest: digest), role: role.role,
                teams: role.teams, userSinceMilliseconds: role.sinceMilliseconds)
        }
    }

    private static func role(
        of name: String, _ book: AccessBook
    ) -> (role: Role, teams: [String], sinceMilliseconds: Int64)? {
        if name == Caller.localName { return (.administrator, [], 0) }
        guard let principal = book.principals[name], !principal.isDisabled else { return nil }
        return (principal.role, principal.teams, principal.createdMilliseconds)
    }

    private static func isNews(_ now: Int64, after stored: Int64?, _ noted: Int64?) -> Bool {
        let last = max(stored ?? .min, noted ?? .min)
        return last == .min || now - last >= AccessTimes.useMilliseconds || now < last
    }

    /// What was used since the last call, for the store; `nil` if nothing was.
    func takeUses() -> AccessChange? {
        state.withLock { state in
            guard !state.tokenUses.isEmpty || !state.sessionUses.isEmpty else { return nil }
            defer {
                state.tokenUses = [:]
                state.sessionUses = [:]
            }
            return .uses(tokens: state.tokenUses, sessions: state.sessionUses)
        }
    }
}

/// Times of what people sign in by, each with its reason.
public enum AccessTimes {
    /// The time in which a person opens the address that `aibuild web` printed.
    public static let codeMilliseconds: Int64 = 5 * 60_000
    /// Reading a second factor from a phone, and a password that must be changed first.
    public static let visitMilliseconds: Int64 = 15 * 60_000
    /// A browser that is left open over a weekend is signed out.
    public static let sessionIdleMilliseconds: Int64 = 24 * 3_600_000
    /// A week, after which a person signs in again whatever happens.
    public static let sessionMilliseconds: Int64 = 7 * 86_400_000
    /// To what the last use is known: a write a minute for each browser and program.
    public static let useMilliseconds: Int64 = 60_000
    /// How far the clocks of two coordinators may differ.
    public static let clockSlackMilliseconds: Int64 = 5 * 60_000
    /// How often a standby reads who may do what: a token that was revoked is good there for as
    /// long.
    public static let reloadMilliseconds: Int64 = 3_000
    /// A token that expired is still listed for a week, so that its user sees why it failed.
    public static let expiredTokenMilliseconds: Int64 = 7 * 86_400_000
    /// The default of `aibuild login` and of tokens: long enough not to be in the way, short enough
    /// for one that was lost.
    public static let tokenDays = 90
    public static let tokenDaysRange = 1...3650
}
