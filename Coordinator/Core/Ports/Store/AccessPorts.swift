/// Reads who may do what.
public protocol AccessReader: Sendable {
    func accessRecords() async throws -> AccessRecords
    /// As `PasswordHashing` made it; `nil` if there is no such principal, or it has no password.
    func passwordHash(ofPrincipal name: String) async throws -> String?
}

/// Codes that sign in once. Every coordinator may store and take one, not only the leader.
public protocol SignInCodeBox: Sendable {
    /// Stores the code and the entry of the audit log together. The oldest codes make room, so that
    /// there are at most `AccessBounds.codes`.
    func add(_ code: SignInCode, recording entry: AuditEntry) async throws
    /// Removes the code, so that it signs in once.
    /// - Returns: `nil` if there is none with this digest.
    func takeCode(digest: String) async throws -> SignInCode?
}

/// Changes who may do what. The method throws `StoreError.deposed` once another epoch leads.
public protocol AccessWriter: RecordingWriter {
    /// - Throws: `StoreError.exists`, `StoreError.notFound`
    func apply(_ change: AccessChange) async throws
}

/// One change of `AccessRecords`.
public enum AccessChange: Sendable, Hashable {
    case add(Principal, passwordHash: String?)
    /// Replaces all but the name and the time of its creation; without a hash, the password stays.
    /// With one, and for a user who is disabled, its sessions end: whoever knew the old password is
    /// not to stay.
    case change(Principal, passwordHash: String?)
    /// With its tokens and sessions.
    case removePrincipal(String)
    case addToken(APIToken)
    case removeToken(id: String)
    case addSession(BrowserSession)
    case removeSession(digest: String)
    case removeSessions(principal: String)
    /// Times of use of tokens, by their ids, and of sessions, by their digests; those that are gone
    /// are left out.
    case uses(tokens: [String: Int64], sessions: [String: Int64])
    /// Tokens that expired before this time, and sessions last used or made before these.
    case removeExpired(
        tokensBefore: Int64, sessionsUsedBefore: Int64, sessionsCreatedBefore: Int64)
}
