/// `AccessRecords` to look up in, and the one place that says what a change does to them.
public struct AccessBook: Sendable {
    public private(set) var principals: [String: Principal] = [:]
    /// By their ids.
    public private(set) var tokens: [String: APIToken] = [:]
    /// By their digests.
    public private(set) var sessions: [String: BrowserSession] = [:]
    private var tokenIDs: [String: String] = [:]

    public init(_ records: AccessRecords = AccessRecords()) {
        for principal in records.principals { principals[principal.name] = principal }
        for token in records.tokens { set(token) }
        for session in records.sessions { sessions[session.digest] = session }
    }

    public var records: AccessRecords {
        AccessRecords(
            principals: principals.values.sorted { precedes($0.name, $1.name) },
            tokens: tokens.values.sorted { precedes($0.id, $1.id) },
            sessions: sessions.values.sorted { precedes($0.digest, $1.digest) })
    }

    /// One user's, by their ids.
    public func tokens(of name: String) -> [APIToken] {
        tokens.values.filter { $0.principal == name }.sorted { precedes($0.id, $1.id) }
    }

    public func token(digest: String) -> APIToken? { tokenIDs[digest].flatMap { tokens[$0] } }

    private mutating func set(_ token: APIToken) {
        tokens[token.id] = token
        tokenIDs[token.digest] = token.id
    }

    private mutating func removeTokens(where isGone: (APIToken) -> Bool) {
        for token in tokens.values where isGone(token) {
            tokens[token.id] = nil
            tokenIDs[token.digest] = nil
        }
    }

    /// - Throws: `StoreError.exists`, `StoreError.notFound`; then nothing has changed.
    public mutating func apply(_ change: AccessChange) throws {
        switch change {
        case .add(let principal, _):
            guard principals[principal.name] == nil else {
                throw StoreError.exists(what: .user, name: principal.name)
            }
            principals[principal.name] = principal
        case .change(var principal, let hash):
            guard let known = principals[principal.name] else {
                throw StoreError.notFound(what: .user, name: principal.name)
            }
            principal.createdMilliseconds = known.createdMilliseconds
            principals[principal.name] = principal
            if hash != nil || principal.isDisabled {
                sessions = sessions.filter { $0.value.principal != principal.name }
            }
        case .removePrincipal(let name):
            guard principals.removeValue(forKey: name) != nil else {
                throw StoreError.notFound(what: .user, name: name)
            }
            removeTokens { $0.principal == name }
            sessions = sessions.filter { $0.value.principal != name }
        case .addToken(let token): set(token)
        case .removeToken(let id):
            guard tokens[id] != nil else { throw StoreError.notFound(what: .token, name: id) }
            removeTokens { $0.id == id }
        case .addSession(let session): sessions[session.digest] = session
        case .removeSession(let digest): sessions[digest] = nil
        case .removeSessions(let name): sessions = sessions.filter { $0.value.principal != name }
        case .uses(let tokenUses, let sessionUses):
            for (id, time) in tokenUses { tokens[id]?.lastUsedMilliseconds = time }
            for (digest, time) in sessionUses { sessions[digest]?.lastUsedMilliseconds = time }
        case .removeExpired(let tokensBefore, let usedBefore, let createdBefore):
            removeTokens { ($0.expiresMilliseconds ?? .max) < tokensBefore }
            sessions = sessions.filter {
                $0.value.lastUsedMilliseconds >= usedBefore
                    && $0.value.createdMilliseconds >= createdBefore
            }
        }
    }
}
