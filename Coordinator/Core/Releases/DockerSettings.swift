public import BuildProtocol

/// Docker hosts on which a container is replaced. The secret is the registry's password, if it
/// requires one.
public struct DockerSettings: Sendable, Hashable, Codable {
    public struct Host: Sendable, Hashable, Codable {
        public var name: String
        /// `https://10.64.26.41:2376`
        public var url: String
        /// Folder with `ca.pem`, `cert.pem` and `key.pem` on the coordinator's machine.
        public var certificates: String
        /// Arguments of docker-py's `containers.run` as JSON, in the format of the
        /// `compose.d/<service>.json` files of docker-py scripts.
        public var container: String

        public init(name: String, url: String, certificates: String, container: String) {
            self.name = name
            self.url = url
            self.certificates = certificates
            self.container = container
        }
    }

    public var hosts: [Host]
    /// The image that the hosts pull: `registry.example.com/images/centos7`, without a tag.
    /// `{guestos}` is replaced by the guest OS's name.
    public var repository: String
    /// The registry environment to which the image is pushed first; `nil`: it is pushed by other
    /// means.
    public var registry: String?
    /// At the registry; its password is the secret.
    public var username: String?
    /// How long a health check may take to succeed; `nil`: the default.
    @OptionalBounded<SecondsBound> public var healthSeconds: Int?
    /// How long a container without a health check must run; `nil`: the default.
    @OptionalBounded<SecondsBound> public var settleSeconds: Int?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case hosts, repository, registry, username, healthSeconds, settleSeconds
    }

    public init(
        hosts: [Host], repository: String, registry: String? = nil, username: String? = nil,
        healthSeconds: Int? = nil, settleSeconds: Int? = nil
    ) {
        self.hosts = hosts
        self.repository = repository
        self.registry = registry
        self.username = username
        self.healthSeconds = healthSeconds
        self.settleSeconds = settleSeconds
    }
}
