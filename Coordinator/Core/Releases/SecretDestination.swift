/// Where an environment's secret is sent, and what proves that it arrives there. Whoever may change
/// these would get the stored secret by pointing the environment at a server of their own, so a
/// change of them needs the secret again.
public struct SecretDestination: Sendable, Hashable {
    /// Addresses, user and certificates, in the order of the kind's settings.
    private let parts: [String]

    public init(_ settings: EnvironmentSettings) {
        parts =
            switch settings {
            case .openstack(let cloud):
                [
                    cloud.authURL, cloud.authentication.rawValue, cloud.username,
                    cloud.userDomainID ?? cloud.userDomain, cloud.applicationCredential ?? "",
                    // Tokens go there.
                    cloud.imageURL ?? "", cloud.caFile ?? "",
                ]
            case .docker(let docker):
                docker.hosts.flatMap { [$0.url, $0.certificates] }
                    + [docker.repository, docker.registry ?? "", docker.username ?? ""]
            case .registry(let registry):
                [registry.url, registry.username ?? "", registry.caFile ?? ""]
            }
    }
}
