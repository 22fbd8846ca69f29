import BuildProtocol
public import CoordinatorCore
import Support

/// Writes the secrets of the coordinator's store. What is written, nobody reads back.
public struct SecretCatalog: Sendable {
    let ports: Ports
    let store: any SecretWriter

    /// Adds a secret, or changes one.
    /// - Throws: `Refusal`, `StoreError`
    public func put(_ name: String, _ form: SecretForm, by actor: String) async throws -> FarmSecret
    {
        try Refusal.check(name, "name of a secret")
        try refuseConfigured(name)
        let known = try await ports.store.secret(named: name)
        if form.isNew == true, known != nil {
            throw Refusal(
                .conflict,
                "there is a secret \(Names.quoted(name)) already. To change it: aibuild secret "
                    + "change \(name)")
        }
        if form.isNew == false, known == nil {
            throw StoreError.notFound(what: .secret, name: name)
        }
        // One for environments alone is for no build.
        let others: [String]? = form.environments == nil ? nil : []
        guard let guestOSes = form.guestOSes ?? known?.guestOSes ?? others else {
            throw Refusal("guestOSes is missing: which guest OSes may use the secret")
        }
        if known == nil, form.value == nil { throw Refusal("value is missing") }
        if let problem = form.value.flatMap(FarmSecret.problem(ofValue:)) { throw Refusal(problem) }
        let now = ports.clock.unixMilliseconds()
        let secret = FarmSecret(
            name: name, guestOSes: guestOSes,
            environments: form.environments ?? known?.environments ?? [],
            createdMilliseconds: known?.createdMilliseconds ?? now,
            changedMilliseconds: now, changedBy: actor)
        if let problem = secret.problem { throw Refusal(problem) }
        if known == nil { try await checkRoom() }
        if let known, form.value == nil, guestOSes == known.guestOSes,
            secret.environments == known.environments
        {
            return known
        }
        try await store.recording(
            ports.auditEntry(
                actor, known == nil ? "secret.add" : "secret.change", name,
                Self.words(secret, since: known, form.value))
        ).put(secret, value: form.value)
        return secret
    }

    private static func words(
        _ secret: FarmSecret, since known: FarmSecret?, _ value: Secret?
    ) -> String {
        guard let known else {
            var fields = secret.auditFields
            fields.hide("value", value?.reveal)
            return fields.words
        }
        let words = secret.auditFields.words(since: known.auditFields)
        return [words, value == nil ? "" : "value changed"].filter { !$0.isEmpty }
            .joined(separator: ", ")
    }

    private func refuseConfigured(_ name: String) throws {
        guard let source = ports.secretSources[name] else { return }
        throw Refusal(
            .conflict,
            "the secret \(Names.quoted(name)) is configured in coordinator.yml "
                + "(\(source.place)): change it there")
    }

    public func remove(_ name: String, by actor: String) async throws {
        try refuseConfigured(name)
        let users = try await ports.store.environments().filter { $0.secretName == name }
        if let user = users.first {
            throw Refusal(
                .conflict,
                "the secret \(Names.quoted(name)) is the password of the environment \(user.name): "
                    + "give it another one first: aibuild env change \(user.name) --secret NAME")
        }
        let known = try await ports.formerly { try await ports.store.secret(named: name) }
        try await store.recording(
            ports.auditEntry(actor, "secret.remove", name, known?.auditFields.words ?? "")
        ).removeSecret(named: name)
    }

    private func checkRoom() async throws {
        let count = try await ports.store.secrets().count
        guard count < FarmSecret.Bounds.secrets else {
            throw Refusal(
                .conflict,
                "there are \(count) secrets already, and no more can be stored: remove some, or "
                    + "keep them in a source of coordinator.yml")
        }
    }
}

/// What a request says of a secret; what it lacks is kept.
public struct SecretForm: Sendable, Decodable {
    public var value: Secret?
    public var guestOSes: [String]?
    public var environments: [String]?
    /// Whether it must be new, or must be there; `nil`: either.
    public var isNew: Bool?

    public init(
        value: Secret? = nil, guestOSes: [String]? = nil, environments: [String]? = nil,
        isNew: Bool? = nil
    ) {
        self.value = value
        self.guestOSes = guestOSes
        self.environments = environments
        self.isNew = isNew
    }

    private enum Key: String, CodingKey { case value, guestOSes, environments, isNew }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        value = try container.decodeIfPresent(String.self, forKey: .value).map(Secret.init)
        guestOSes = try container.decodeIfPresent([String].self, forKey: .guestOSes)
        environments = try container.decodeIfPresent([String].self, forKey: .environments)
        isNew = try container.decodeIfPresent(Bool.self, forKey: .isNew)
    }
}
