/// Docker hosts on which a container is replaced. The secret is the registry's password, where it
/// asks for one.
public struct DockerSettings: Sendable, Hashable, Codable {
    public struct Host: Sendable, Hashable, Codable {
        public var name: String
        /// `https://10.64.26.41:2376`
        public var url: String
        /// Folder with `ca.pem`, `cert.pem` and `key.pem` on the coordinator's machine.
        public var certificates: String
        /// Arguments of docker-py's `containers.run` as JSON, as `compose.d/<service>.json` of the
        /// scripts that aibuild replaces holds them for each host.
        public var container: String

        public init(name: String, url: String, certificates: String, container: String) {
            self.name = name
            self.url = url
            self.certificates = certificates
            self.container = container
        }
    }

    public var hosts: [Host]
    /// What the hosts pull: `registry.example.com/images/centos7`, without a tag. `{guestos}` is
    /// replaced by the guest OS's name.
    public var repository: String
    /// The registry environment that the image is pushed to first; `nil`: somebody else does.
    public var registry: String?
    /// At the registry; its password is the secret.
    public var username: String?
    /// Until a container's health check is content; `nil`: what suits most.
    public var healthSeconds: Int?
    /// How long a container without a health check must run; `nil`: what suits most.
    public var settleSeconds: Int?

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
