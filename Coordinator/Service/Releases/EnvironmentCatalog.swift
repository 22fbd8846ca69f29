public import CoordinatorCore

/// Registers, checks and removes the environments that images are released to.
public struct EnvironmentCatalog: Sendable {
    let ports: Ports
    let store: any ReleaseWriter
    let releases: Releases
    let cancellation: ReleaseCancellation

    /// - Returns: the environment and the findings of its check. If no release could succeed,
    ///   nothing is stored, unless `isUnchecked`.
    /// - Throws: `Refusal`, `StoreError`
    public func register(
        _ form: EnvironmentForm, by actor: String
    ) async throws -> (ReleaseEnvironment, [EnvironmentFinding]) {
        guard let settings = form.settings else { throw Refusal("settings are missing") }
        let environment = ReleaseEnvironment(
            id: ports.ids.randomID(), name: form.name, settings: settings,
            policy: form.policy?.applied(to: ReleasePolicy()) ?? ReleasePolicy(),
            secretName: try form.checkedSecretName(),
            createdMilliseconds: ports.clock.unixMilliseconds())
        if try await ports.store.environment(named: form.name) != nil {
            throw StoreError.exists(what: .environment, name: form.name)
        }
        let secret = form.secret.map(Secret.init)
        let password =
            form.secretName == nil
            ? secret : try await EnvironmentPassword(ports: ports).valueNow(of: environment)
        let findings = try await checked(environment, password, form)
        try await store.recording(
            ports.auditEntry(
                actor, "env.add", environment.name,
                environment.auditFields(password: secret).words)
        ).add(environment, secret: secret)
        return (environment, findings)
    }

    /// Changes everything but the name; what the form lacks is kept, except a stored secret that
    /// would be sent elsewhere than before.
    public func change(
        _ form: EnvironmentForm, by actor: String
    ) async throws -> (ReleaseEnvironment, [EnvironmentFinding]) {
        let known = try await ports.environment(named: form.name)
        var environment = known
        let settings = form.settings ?? environment.settings
        guard environment.kind == settings.kind else {
            throw Refusal(
                "\(form.name) is of kind \(environment.kind.rawValue), which cannot be changed: "
                    + "register another")
        }
        let isMoved =
            SecretDestination(environment.settings) != SecretDestination(settings)
        environment.settings = settings
        environment.policy = form.policy?.applied(to: environment.policy) ?? environment.policy
        if let name = try form.checkedSecretName() {
            environment.secretName = name
        } else if form.secret != nil {
            environment.secretName = nil
        }
        var secret = form.secret.map(Secret.init)
        // A policy can also be changed while the password is lost.
        if secret == nil, form.settings != nil || form.secretName != nil {
            secret = try await EnvironmentPassword(ports: ports).valueNow(of: environment)
        }
        if isMoved, form.secret == nil, form.secretName == nil, secret != nil {
            throw Refusal(
                "the stored password of \(form.name) would be sent to another address, for another "
                    + "user or under other certificates: give the password again "
                    + "(--password-file, or --secret)")
        }
        // A policy is not the cloud's affair, and can be changed while the cloud is down.
        let isPolicyOnly =
            form.settings == nil && form.secret == nil && form.secretName == nil
        if let problem = environment.problem { throw Refusal(problem) }
        let findings = isPolicyOnly ? [] : try await checked(environment, secret, form)
        let given = form.secret.map(Secret.init)
        guard environment != known || given != nil else { return (known, findings) }
        try await store.recording(
            ports.auditEntry(
                actor, "env.change", environment.name,
                environment.auditWords(since: known, password: given))
        ).update(environment, secret: given)
        return (environment, findings)
    }

    /// Gives an image name in an environment to a guest OS, whoever has it.
    public func give(
        _ name: String, in environment: String, to guestOS: String, by actor: String
    ) async throws -> ReleaseName {
        let settings = try await ports.environment(named: environment).settings
        _ = try await ports.guestOS(named: guestOS)
        try Refusal.check(
            text: name, "name", limitBytes: ReleaseEnvironment.Bounds.imageNameBytes)
        if let problem = settings.problem(ofImageName: name) { throw Refusal(problem) }
        let given = ReleaseName(environment: environment, name: name, guestOS: guestOS)
        let owner = try await ports.formerly {
            try await ports.store.releaseName(name, in: environment)?.guestOS
        }
        try await store.recording(
            ports.auditEntry(
                actor, "env.give", environment, "\(name): \(owner ?? "none") → \(guestOS)")
        ).give(given)
        return given
    }

    /// - Parameter isForced: releases that have not ended are abandoned first.
    /// - Returns: these, with what each may have left there.
    /// - Throws: `Refusal` if there are some, and it is not forced; `StoreError`
    public func remove(
        _ name: String, isForced: Bool = false, by actor: String
    ) async throws -> [Release] {
        let known = try await ports.environment(named: name)
        var abandoned: [Release] = []
        for release in await releases.live(environment: name) {
            guard isForced else {
                throw Refusal(
                    .conflict,
                    "releases to \(name) have not ended (\(release.reference)): wait for them, "
                        + "cancel them, or let go of them with 'aibuild env remove \(name) --force'"
                )
            }
            abandoned.append(try await cancellation.abandon(release.id, by: actor))
        }
        let left = abandoned.flatMap { $0.leftBehind ?? [] }
        try await store.recording(
            ports.auditEntry(
                actor, "env.remove", name,
                (left.isEmpty ? "" : "left there: " + left.joined(separator: ", ") + "; ")
                    + known.auditFields().words)
        ).removeEnvironment(named: name)
        return abandoned
    }

    /// Findings about an environment that is imported with others. It is stored in any case: one
    /// that is unreachable must not block the others.
    func notices(_ environment: ReleaseEnvironment, _ secret: Secret?) async -> [String] {
        guard let target = ports.targets[environment.kind] else { return [] }
        do {
            let findings = try await target.check(environment, secret)
            return findings.filter { $0.level == .warning }.map {
                "\(environment.name): \($0.text)"
            }
        } catch {
            return ["\(environment.name): no release would succeed now: \(error)"]
        }
    }

    private func checked(
        _ environment: ReleaseEnvironment, _ secret: Secret?, _ form: EnvironmentForm
    ) async throws -> [EnvironmentFinding] {
        if let problem = environment.problem { throw Refusal(problem) }
        if let secret, secret.reveal.utf8.count > ReleaseEnvironment.Bounds.secretBytes {
            throw Refusal(
                "the secret has more than \(ReleaseEnvironment.Bounds.secretBytes) bytes")
        }
        if form.isUnchecked ?? false { return [] }
        return try await findings(environment, secret)
    }

    private func findings(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        try await EnvironmentCheck(ports: ports).findings(environment, secret)
    }
}

/// The fields of a request to register an environment.
public struct EnvironmentForm: Sendable, Decodable {
    public var name: String
    /// Required for a new environment.
    public var settings: EnvironmentSettings?
    public var policy: ReleasePolicyChange?
    /// The password; if it is missing, a change keeps the stored one.
    public var secret: String?
    /// Or a secret of the coordinator that is its password.
    public var secretName: String?
    /// Stores it even if it cannot be reached yet.
    public var isUnchecked: Bool?

    public init(
        name: String, settings: EnvironmentSettings? = nil, policy: ReleasePolicyChange? = nil,
        secret: String? = nil, secretName: String? = nil, isUnchecked: Bool? = nil
    ) {
        self.name = name
        self.settings = settings
        self.policy = policy
        self.secret = secret
        self.secretName = secretName
        self.isUnchecked = isUnchecked
    }

    private enum CodingKeys: String, CodingKey {
        case name, settings, policy, secret, secretName
        case isUnchecked = "unchecked"
    }

    /// - Throws: `Refusal` if it is no name, or there is a password as well.
    func checkedSecretName() throws -> String? {
        guard let secretName else { return nil }
        try Refusal.check(secretName, "name of a secret")
        guard secret == nil else {
            throw Refusal("secret and secretName exclude each other: one of them is the password")
        }
        return secretName
    }
}

/// Checks whether a release to an environment could succeed now.
public struct EnvironmentCheck: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Throws: `Refusal` if no release could succeed now; `StoreError`
    public func run(_ name: String) async throws -> [EnvironmentFinding] {
        let environment = try await ports.environment(named: name)
        return try await findings(
            environment, try await EnvironmentPassword(ports: ports).valueNow(of: environment))
    }

    func findings(
        _ environment: ReleaseEnvironment, _ secret: Secret?
    ) async throws -> [EnvironmentFinding] {
        guard let target = ports.targets[environment.kind] else {
            throw Refusal(
                "this coordinator cannot release to \(environment.kind.rawValue) environments")
        }
        do { return try await target.check(environment, secret) } catch let fault as ReleaseFault {
            throw Refusal(.conflict, environment.name, cause: fault)
        }
    }
}

extension Ports {
    /// - Throws: `StoreError.notFound`
    public func environment(named name: String) async throws -> ReleaseEnvironment {
        guard let environment = try await store.environment(named: name) else {
            throw StoreError.notFound(what: .environment, name: name)
        }
        return environment
    }
}
