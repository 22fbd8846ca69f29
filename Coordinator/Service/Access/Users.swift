import BuildProtocol
public import CoordinatorCore

/// Registers people and programs, and what they may do.
public struct Users: Sendable {
    let ports: Ports
    let changes: AccessChanges
    let turns: PasswordTurns

    private var directory: AccessDirectory { ports.directory }

    /// - Throws: `Refusal`, `StoreError`
    public func addUser(_ name: String, _ form: UserForm, by actor: String) async throws
        -> Principal
    {
        guard let role = form.role else { throw Refusal("role is missing") }
        guard let password = form.password else { throw Refusal("password is missing") }
        try checkRoom()
        let now = ports.clock.unixMilliseconds()
        let user = Principal(
            name: name, role: role, teams: form.teams ?? [], isDisabled: form.disabled ?? false,
            createdMilliseconds: now, changedMilliseconds: now, changedBy: actor)
        if let problem = user.problem { throw Refusal(problem) }
        let hash = try await hash(password)
        try await changes.apply(
            .add(user, passwordHash: hash),
            ports.auditEntry(actor, "user.add", name, user.auditFields.words))
        return user
    }

    /// Changes what the form has. Who is disabled is signed out.
    /// - Throws: `Refusal`, `StoreError`
    public func changeUser(_ name: String, _ form: UserForm, by actor: String) async throws
        -> Principal
    {
        guard let known = directory.principal(name) else {
            throw StoreError.notFound(what: .user, name: name)
        }
        var user = known
        user.role = form.role ?? user.role
        user.teams = form.teams ?? user.teams
        user.isDisabled = form.disabled ?? user.isDisabled
        user.changedMilliseconds = ports.clock.unixMilliseconds()
        user.changedBy = actor
        if let problem = user.problem { throw Refusal(problem) }
        if user.role != .administrator || user.isDisabled { try checkNotLast(known, actor) }
        if form.password != nil { try checkPassword(isOf: name) }
        if (form.role ?? known.role, form.teams ?? known.teams) != (known.role, known.teams),
            known.source != .local
        {
            throw Refusal(
                .conflict,
                "role and teams of \(name) come from \(known.source.rawValue) at each sign-in: "
                    + "change them there, or in sign_in of coordinator.yml")
        }
        let hash: String? =
            if let password = form.password { try await hash(password) } else { nil }
        let words = user.auditFields.words(since: known.auditFields)
        let news = [words, hash == nil ? "" : "new password"].filter { !$0.isEmpty }
        guard !news.isEmpty else { return known }
        try await changes.apply(
            .change(user, passwordHash: hash),
            ports.auditEntry(actor, "user.change", name, news.joined(separator: "; ")))
        return user
    }

    /// With the user's tokens and sessions.
    public func removeUser(_ name: String, by actor: String) async throws {
        let known = directory.principal(name)
        if let known { try checkNotLast(known, actor) }
        let tokens = directory.tokens(of: name).map(\.id)
        let words = [
            known?.auditFields.words,
            tokens.isEmpty ? nil : "tokens: " + tokens.joined(separator: ", "),
        ].compactMap(\.self)
        try await changes.apply(
            .removePrincipal(name),
            ports.auditEntry(actor, "user.remove", name, words.joined(separator: "; ")))
    }

    /// Somebody must be left who can undo it; on the coordinator's machine, root always can.
    private func checkNotLast(_ user: Principal, _ actor: String) throws {
        func isAdministrator(_ user: Principal) -> Bool {
            user.role == .administrator && !user.isDisabled
        }
        guard actor != Caller.localName, isAdministrator(user),
            !directory.records.principals.contains(where: {
                $0.name != user.name && isAdministrator($0)
            })
        else { return }
        throw Refusal(
            .conflict,
            "\(user.name) is the last administrator: make another one first (aibuild user add NAME "
                + "--role administrator)")
    }

    func checkRoom() throws {
        guard directory.counts.principals < AccessBounds.principals else {
            throw Refusal(
                .conflict, "there are \(AccessBounds.principals) users already: remove some")
        }
    }

    /// Another system's user has no password here.
    func checkPassword(isOf name: String) throws {
        guard let source = directory.principal(name)?.source, source != .local else { return }
        throw Refusal(
            .conflict, "\(name) signs in by \(source.rawValue): change the password there")
    }

    func hash(_ password: String) async throws -> String {
        let count = password.utf8.count
        guard AccessBounds.passwordBytes.contains(count) else {
            throw Refusal(
                "the password has \(count) bytes: use \(AccessBounds.passwordBytes.lowerBound) to "
                    + "\(AccessBounds.passwordBytes.upperBound)")
        }
        guard !password.unicodeScalars.contains(where: Refusal.isControl) else {
            throw Refusal("the password has control characters, which no page can send")
        }
        return try await turns.run { try await ports.hashing().hash(password) }
    }
}

/// What a request says of a user; what it lacks is kept.
public struct UserForm: Sendable, Decodable {
    public var role: Role?
    public var teams: [String]?
    public var disabled: Bool?
    public var password: String?

    public init(
        role: Role? = nil, teams: [String]? = nil, disabled: Bool? = nil, password: String? = nil
    ) {
        self.role = role
        self.teams = teams
        self.disabled = disabled
        self.password = password
    }

    private enum Key: String, CodingKey, CaseIterable {
        case role, teams, disabled, password, isNew
    }

    public init(from decoder: any Decoder) throws {
        try StrictFields.check(decoder, Key.allCases.map(\.rawValue))
        let fields = try decoder.container(keyedBy: Key.self)
        role = try fields.decodeIfPresent(Role.self, forKey: .role)
        teams = try fields.decodeIfPresent([String].self, forKey: .teams)
        disabled = try fields.decodeIfPresent(Bool.self, forKey: .disabled)
        password = try fields.decodeIfPresent(String.self, forKey: .password)
    }
}
