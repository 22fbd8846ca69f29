import BuildProtocol
public import CoordinatorCore
import Support

/// Gives out and revokes what programs sign their requests with.
public struct Tokens: Sendable {
    let ports: Ports
    let changes: AccessChanges

    private var directory: AccessDirectory { ports.directory }

    /// - Returns: the token, which nobody can read again, and what is stored of it.
    /// - Throws: `Refusal`, `StoreError`
    public func add(
        _ form: TokenForm, _ kind: APIToken.Kind, for caller: Caller
    ) async throws -> (secret: String, token: APIToken) {
        guard caller.name != Caller.localName else {
            throw Refusal(
                .conflict,
                "a token needs a user whose rights it has: sign in as one (aibuild login)")
        }
        try Refusal.check(text: form.name, "name", limitBytes: AccessBounds.nameBytes)
        guard !form.name.isEmpty else { throw Refusal("name is empty") }
        let rights = form.rights ?? caller.rights
        if let missing = rights.subtracting(caller.rights).map(\.rawValue).min() {
            throw Refusal("you have no right to \(missing), so no token of yours can have it")
        }
        let guestOSes = form.guestOSes ?? caller.guestOSes ?? ["*"]
        if let allowed = caller.guestOSes, !Set(guestOSes).isSubset(of: allowed) {
            throw Refusal("a token's tokens are good for its own guest OSes only")
        }
        let checked = FarmSecret(
            name: "token", guestOSes: guestOSes, createdMilliseconds: 0, changedMilliseconds: 0,
            changedBy: "")
        if let problem = checked.problem { throw Refusal(problem) }
        if !guestOSes.contains("*"), rights.allSatisfy(\.isOfWholeFarm) {
            let named = rights.map(\.rawValue).sorted().joined(separator: " and ")
            throw Refusal(
                "what \(named) allows concerns all guest OSes, so a token for some could do "
                    + "nothing: leave out --guest-os, or name another --right")
        }
        let days = form.days ?? AccessTimes.tokenDays
        guard AccessTimes.tokenDaysRange.contains(days) else {
            throw Refusal("days is \(days): use 1 to \(AccessTimes.tokenDaysRange.upperBound)")
        }
        try checkRoom(for: caller.name)
        let secret = Self.prefix + ports.randomSecret()
        let now = ports.clock.unixMilliseconds()
        let token = APIToken(
            id: String(ports.ids.randomToken().description.prefix(12)), kind: kind,
            name: form.name,
            principal: caller.name, digest: SHA256.hex(secret.utf8), rights: rights,
            guestOSes: guestOSes, createdMilliseconds: now,
            expiresMilliseconds: now + Int64(days) * 86_400_000)
        try await changes.apply(
            .addToken(token),
            ports.auditEntry(caller.name, "token.add", token.id, token.auditFields.words))
        return (secret, token)
    }

    /// By which programs that look for secrets in repositories know one.
    static let prefix = "aib_"

    private func checkRoom(for name: String) throws {
        guard directory.counts.tokens < AccessBounds.tokens,
            directory.tokens(of: name).count < AccessBounds.tokensOfPrincipal
        else {
            throw Refusal(
                .conflict,
                "there are \(AccessBounds.tokensOfPrincipal) tokens of \(name), or "
                    + "\(AccessBounds.tokens) of all users: revoke some (aibuild token list)")
        }
    }

    /// - Parameter isAny: whether the caller may revoke those of others.
    /// - Throws: `StoreError`
    public func remove(id: String, isAny: Bool, by actor: String) async throws {
        guard let token = directory.token(id: id), isAny || token.principal == actor else {
            throw StoreError.notFound(what: .token, name: id)
        }
        try await changes.apply(
            .removeToken(id: id),
            ports.auditEntry(actor, "token.remove", id, token.auditFields.words))
    }
}

/// What a request says of a new token.
public struct TokenForm: Sendable, Decodable {
    public var name: String
    /// Missing: all of its user's.
    public var rights: Set<Right>?
    /// Missing: all.
    public var guestOSes: [String]?
    public var days: Int?

    public init(
        name: String, rights: Set<Right>? = nil, guestOSes: [String]? = nil, days: Int? = nil
    ) {
        self.name = name
        self.rights = rights
        self.guestOSes = guestOSes
        self.days = days
    }

    private enum Key: String, CodingKey, CaseIterable { case name, rights, guestOSes, days }

    public init(from decoder: any Decoder) throws {
        try StrictFields.check(decoder, Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        name = try fields.decode(String.self, forKey: .name)
        rights = try fields.decodeIfPresent(Set<Right>.self, forKey: .rights)
        guestOSes = try fields.decodeIfPresent([String].self, forKey: .guestOSes)
        days = try fields.decodeIfPresent(Int.self, forKey: .days)
    }
}
