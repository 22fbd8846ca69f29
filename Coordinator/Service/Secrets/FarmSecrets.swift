import BuildProtocol
public import CoordinatorCore
import Support

/// What the coordinator can hand to builds: the secrets of its store, and those of the sources that
/// coordinator.yml names, which come first.
public struct FarmSecrets: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// A secret as it is listed: its value is in none of the fields.
    public struct Listed: Sendable, Hashable {
        public var name: String
        public var guestOSes: [String]
        public var environments: [String]
        /// `nil`: the coordinator's own store.
        public var source: String?
        /// `nil`: it is written somewhere else.
        public var stored: FarmSecret?

        public init(_ stored: FarmSecret) {
            name = stored.name
            guestOSes = stored.guestOSes
            environments = stored.environments
            self.stored = stored
        }

        init(_ name: String, _ source: any SecretSource) {
            self.name = name
            guestOSes = source.guestOSes
            environments = source.environments
            self.source = source.place
        }
    }

    /// By name.
    public func all() async throws -> [Listed] {
        var all = ports.secretSources.map { name, source in
            Listed(name, source)
        }
        for secret in try await ports.store.secrets() where ports.secretSources[secret.name] == nil
        {
            all.append(Listed(secret))
        }
        return all.sorted { $0.name < $1.name }
    }

    /// Which of a build's secrets the coordinator has, as a plan remembers it, why its guest OS may
    /// not use the others, and which of these are lost.
    func offer(
        to plan: BuildPlan, guestOS: String
    ) async throws -> (open: [String]?, closed: [String], lost: [String]) {
        let wanted = plan.secrets
        guard !wanted.isEmpty else { return (nil, [], []) }
        let known = try await all().filter { wanted.contains($0.name) }
        let open = known.filter {
            FarmSecret.isAllowed(guestOS, by: $0.guestOSes) && $0.stored?.isLost != true
        }.map(\.name)
        let closed = known.filter { !open.contains($0.name) }.map {
            $0.stored?.isLost == true
                ? Self.lost($0.name)
                : Self.closed(
                    $0.name, to: guestOS, by: $0.guestOSes, isConfigured: $0.source != nil)
        }
        let lost = known.filter { $0.stored?.isLost == true }.map(\.name)
        return (open.isEmpty ? nil : open, closed, lost)
    }

    /// The values that an attempt gets whose programs have the environment of the recipe: what the
    /// host has itself is not sent.
    /// - Throws: `SecretFault`, `StoreError`; `Refusal` if a secret is gone or not for the guest OS
    ///   any more.
    func values(for build: Build, at host: HostReport?) async throws -> [String: Secret] {
        var values: [String: Secret] = [:]
        for name in build.plan.secrets {
            let isThere = host?.secrets?.contains(name) ?? false
            if isThere, host?.allows(secret: name, guestOS: build.guestOS) ?? false { continue }
            values[name] = try await value(of: name, for: build)
        }
        return values
    }

    private func value(of name: String, for build: Build) async throws -> Secret {
        let source = ports.secretSources[name]
        let stored = source == nil ? try await ports.store.secret(named: name) : nil
        guard let allowed = source?.guestOSes ?? stored?.guestOSes else {
            throw Refusal(
                "neither the host nor the coordinator has the secret \(Names.quoted(name)) any "
                    + "more: aibuild secret add \(name)")
        }
        guard FarmSecret.isAllowed(build.guestOS, by: allowed) else {
            throw Refusal(
                Self.closed(
                    name, to: build.guestOS, by: allowed, isConfigured: source != nil))
        }
        return try await (source ?? StoredSecret(name, in: ports.store)).value()
    }

    static func lost(_ name: String) -> String {
        "the value of the secret \(Names.quoted(name)) was lost in a restore without its key. Set "
            + "it anew: aibuild secret change \(name) --from-file FILE"
    }

    private static func closed(
        _ name: String, to guestOS: String, by guestOSes: [String], isConfigured: Bool
    ) -> String {
        guard !guestOSes.isEmpty else {
            return
                "the secret \(Names.quoted(name)) is a login of the coordinator itself, which no "
                + "build gets: give the template a secret of its own"
        }
        return "the coordinator keeps the secret \(Names.quoted(name)) from the guest OS "
            + "\(Names.quoted(guestOS)): "
            + (isConfigured
                ? "add it under guest_oses of the secret in coordinator.yml"
                : "an administrator gives it to this one as well: aibuild secret change \(name) "
                    + (guestOSes + [guestOS]).map { "--guest-os '\($0)'" }.joined(separator: " "))
    }
}
