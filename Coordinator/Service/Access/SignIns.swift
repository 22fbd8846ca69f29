import BuildProtocol
public import CoordinatorCore
import Support

/// Signs people in and out.
public struct SignIns: Sendable {
    let ports: Ports
    let changes: AccessChanges
    let throttle = SignInThrottle()
    private let turns: PasswordTurns
    private let providerTurns = PasswordTurns()
    private let users: Users

    init(ports: Ports, changes: AccessChanges, turns: PasswordTurns, users: Users) {
        self.users = users
        self.ports = ports
        self.turns = turns
        self.changes = changes
    }

    private var directory: AccessDirectory { ports.directory }

    /// - Throws: `SignInFault`, `PasswordFault`, `StoreError`
    public func signIn(
        _ name: String, _ password: String, address: String
    ) async throws -> Principal {
        // What is longer than any name or password is not worth the work.
        guard name.utf8.count <= AccessBounds.nameBytes,
            password.utf8.count <= AccessBounds.passwordBytes.upperBound
        else { throw SignInFault.wrong }
        try checkPause(name, address)
        if let provider = ports.identities,
            directory.principal(name)?.source ?? provider.source
                == provider.source
        {
            return try await signIn(name, password, address, provider)
        }
        return try await turns.run {
            try checkPause(name, address)
            let hash = try await ports.store.passwordHash(ofPrincipal: name)
            guard try await ports.hashing().matches(password, hash),
                let user = directory.principal(name)
            else { throw try await refused(name, address) }
            throttle.succeeded(name: name)
            guard !user.isDisabled else { throw SignInFault.disabled }
            return user
        }
    }

    /// By another system, in turns of its own: one that hangs keeps no local user out.
    private func signIn(
        _ name: String, _ password: String, _ address: String, _ provider: any IdentityProvider
    ) async throws -> Principal {
        // As much work here as for a name of the coordinator's own: what is left to tell them apart
        // by is the time that the other system takes.
        if let passwords = ports.passwords {
            try await turns.run {
                try checkPause(name, address)
                _ = try await passwords.matches(password, nil)
            }
        }
        return try await providerTurns.run {
            try checkPause(name, address)
            guard !name.isEmpty, !password.isEmpty,
                let identity = try await provider.identity(name, password)
            else { throw try await refused(name, address) }
            throttle.succeeded(name: name)
            return try await admit(identity, provider.source)
        }
    }

    /// Signs in whom another system vouches for, as a user whose role and teams follow it.
    func admit(
        _ identity: ProvidedIdentity, _ source: Principal.Source
    ) async throws -> Principal {
        // Who has another name there than last time keeps the one here.
        let known =
            identity.subject.flatMap { directory.principal(subject: $0, source) }
            ?? directory.principal(identity.name)
        if let known, known.source != source || known.subject != identity.subject {
            throw SignInFault.takenName(identity.name)
        }
        guard let role = identity.role else {
            if let known { try await shutOut(known) }
            throw SignInFault.noRole(has: identity.has, accepted: identity.accepted)
        }
        if known?.isDisabled == true { throw SignInFault.disabled }
        let now = ports.clock.unixMilliseconds()
        let user = Principal(
            name: known?.name ?? identity.name, source: source, subject: identity.subject,
            role: role, teams: identity.teams, createdMilliseconds: now,
            changedMilliseconds: now, changedBy: source.rawValue)
        if let problem = user.problem { throw Refusal(problem) }
        guard let known else {
            try users.checkRoom()
            try await changes.apply(
                .add(user, passwordHash: nil),
                ports.auditEntry(source.rawValue, "user.add", user.name, user.auditFields.words))
            return user
        }
        guard known.role != user.role || known.teams != user.teams else { return known }
        try await changes.apply(
            .change(user, passwordHash: nil),
            ports.auditEntry(
                source.rawValue, "user.change", user.name,
                user.auditFields.words(since: known.auditFields)))
        return user
    }

    /// Who has no role any more loses what earlier sign-ins gave.
    private func shutOut(_ user: Principal) async throws {
        let tokens = directory.tokens(of: user.name)
        guard !tokens.isEmpty || !directory.sessions(of: user.name).isEmpty else { return }
        let actor = user.source.rawValue
        for token in tokens {
            try await changes.apply(
                .removeToken(id: token.id),
                ports.auditEntry(actor, "token.remove", token.id, token.auditFields.words))
        }
        try await changes.apply(
            .removeSessions(principal: user.name),
            ports.auditEntry(
                actor, "user.change", user.name,
                "no role any more: tokens revoked, signed out everywhere"))
    }

    /// Who is locked out, and who tries passwords, is seen in the log and in the audit log.
    private func refused(_ name: String, _ address: String) async throws -> SignInFault {
        let isPaused = throttle.failed(
            address: address, name: name, nowMilliseconds: ports.clock.monotonicMilliseconds())
        Logger("access").warning("a sign-in as \(Names.quoted(name)) from \(address) was refused")
        if isPaused {
            try await ports.audit(
                "aibuild", "sign-in.pause", name, "too many have failed from \(address)")
        }
        return .wrong
    }

    /// Changes a user's own password, and signs other browsers out.
    /// - Throws: `SignInFault`, `PasswordFault`, `Refusal`, `StoreError`
    public func changePassword(
        of name: String, from old: String, to new: String, address: String
    ) async throws {
        try users.checkPassword(isOf: name)
        let user = try await signIn(name, old, address: address)
        let hash = try await users.hash(new)
        try await changes.apply(
            .change(user, passwordHash: hash),
            ports.auditEntry(name, "user.change", name, "new password"))
    }

    func checkPause(_ name: String?, _ address: String) throws {
        let now = ports.clock.monotonicMilliseconds()
        if let wait = throttle.wait(address: address, name: name, nowMilliseconds: now) {
            throw SignInFault.tooMany(waitSeconds: Int((wait + 999) / 1000))
        }
    }

    /// - Returns: the value of the browser's cookie.
    public func openSession(of name: String, address: String) async throws -> String {
        try await makeRoom(for: name)
        let secret = ports.randomSecret()
        let now = ports.clock.unixMilliseconds()
        try await changes.apply(
            .addSession(
                BrowserSession(
                    digest: SHA256.hex(secret.utf8), principal: name, address: address,
                    createdMilliseconds: now, lastUsedMilliseconds: now)),
            ports.auditEntry(name, "session.open", name))
        return secret
    }

    private func makeRoom(for name: String) async throws {
        let own = directory.sessions(of: name)
        var oldest: BrowserSession?
        if own.count >= AccessBounds.sessionsOfPrincipal {
            oldest = own.last
        } else if directory.counts.sessions >= AccessBounds.sessions {
            oldest = directory.records.sessions
                .min { $0.lastUsedMilliseconds < $1.lastUsedMilliseconds }
        }
        guard let oldest else { return }
        try await changes.apply(
            .removeSession(digest: oldest.digest),
            ports.auditEntry(
                name, "session.close", oldest.principal, "the oldest, to make room for another"))
    }

    public func signOut(sessionDigest digest: String, of name: String) async throws {
        try await changes.apply(
            .removeSession(digest: digest), ports.auditEntry(name, "session.close", name))
    }

    /// Every browser of the user.
    public func signOutEverywhere(_ name: String) async throws {
        try await changes.apply(
            .removeSessions(principal: name),
            ports.auditEntry(name, "session.close", name, "everywhere"))
    }

    // MARK: Codes

    /// A code that signs in once, soon, in place of a password.
    /// - Parameter challenge: only whoever knows the text behind it can use the code (PKCE).
    public func newCode(for name: String, challenge: String? = nil) async throws -> String {
        let code = ports.ids.randomToken().description
        let now = ports.clock.unixMilliseconds()
        try await ports.store.add(
            SignInCode(
                digest: Self.digest(code, challenge), principal: name, createdMilliseconds: now,
                expiresMilliseconds: now + AccessTimes.codeMilliseconds),
            recording: ports.auditEntry(
                name, "sign-in.code", name,
                challenge == nil ? "signs a browser in, once" : "signs a command line in, once"))
        return code
    }

    private static func digest(_ code: String, _ challenge: String?) -> String {
        SHA256.hex((challenge.map { "\(code) \($0)" } ?? code).utf8)
    }

    /// - Returns: who signs in with it.
    /// - Throws: `SignInFault.usedCode`
    public func take(code: String, verifier: String? = nil) async throws -> String {
        let digest = Self.digest(code, verifier.map(PKCE.challenge))
        guard let found = try await ports.store.takeCode(digest: digest),
            ports.clock.unixMilliseconds() < found.expiresMilliseconds,
            found.principal == Caller.localName
                || directory.principal(found.principal)?.isDisabled == false
        else { throw SignInFault.usedCode }
        return found.principal
    }
}

/// Why somebody was not signed in. Which of name and password was wrong is not said.
public enum SignInFault: Error, Sendable, Hashable {
    case wrong
    case disabled
    /// Another system knows the person, and nothing of what it says gives a role.
    case noRole(has: [String], accepted: [String])
    /// Another system vouches for somebody whose name belongs to another user here.
    case takenName(String)
    case tooMany(waitSeconds: Int)
    case usedCode
    /// The browser comes back from another system without having been sent there, or too late.
    case lostVisit
}
