public import BuildProtocol

/// Where images are released to: an OpenStack region, Docker hosts, a registry. A row of the
/// historic table `envs`, with the columns that aibuild adds. Its secret is never part of it: the
/// store encrypts the secret and returns it only for releases.
public struct ReleaseEnvironment: Sendable, Hashable, Codable {
    public var id: String
    public var name: String
    public var settings: EnvironmentSettings
    public var policy: ReleasePolicy
    /// The secret of the coordinator that is its password; `nil`: it has one of its own, or none.
    public var secretName: String?
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64

    public init(
        id: String, name: String, settings: EnvironmentSettings,
        policy: ReleasePolicy = ReleasePolicy(), secretName: String? = nil,
        createdMilliseconds: Int64
    ) {
        self.id = id
        self.name = name
        self.settings = settings
        self.policy = policy
        self.secretName = secretName
        self.createdMilliseconds = createdMilliseconds
    }

    public var kind: EnvironmentKind { settings.kind }
}

public enum EnvironmentKind: String, Sendable, Codable, CaseIterable {
    case openstack, docker, registry

    /// Why the image can never go there; `nil` if it may.
    public func refusal(of image: PublishedImage?) -> String? {
        guard self == .openstack, let image, !image.format.isDiskImage else { return nil }
        return
            "\(image.name) is no disk image, so it cannot go into an OpenStack: let the template "
            + "leave a disk image, or name it under `image` in aibuild.yml, and build it again"
    }
}

/// The settings of each kind of environment, without the secret.
public enum EnvironmentSettings: Sendable, Hashable {
    case openstack(OpenStackSettings)
    case docker(DockerSettings)
    case registry(RegistrySettings)

    public var kind: EnvironmentKind {
        switch self {
        case .openstack: .openstack
        case .docker: .docker
        case .registry: .registry
        }
    }
}

extension EnvironmentSettings: Codable {
    private enum Key: String, CodingKey, CaseIterable { case openstack, docker, registry }

    /// One object with the kind as its only key: `{"openstack": {…}}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        switch container.allKeys.first {
        case .openstack where container.allKeys.count == 1:
            try container.refuseOthers(
                than: OpenStackSettings.CodingKeys.allCases.map(\.rawValue), in: .openstack,
                of: "openstack", from: decoder)
            self = .openstack(try container.decode(OpenStackSettings.self, forKey: .openstack))
        case .docker where container.allKeys.count == 1:
            try container.refuseOthers(
                than: DockerSettings.CodingKeys.allCases.map(\.rawValue), in: .docker,
                of: "docker", from: decoder)
            self = .docker(try container.decode(DockerSettings.self, forKey: .docker))
        case .registry where container.allKeys.count == 1:
            try container.refuseOthers(
                than: RegistrySettings.CodingKeys.allCases.map(\.rawValue), in: .registry,
                of: "registry", from: decoder)
            self = .registry(try container.decode(RegistrySettings.self, forKey: .registry))
        default:
            let kinds = Key.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "expected the settings of one kind: \(kinds)"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .openstack(let settings): try container.encode(settings, forKey: .openstack)
        case .docker(let settings): try container.encode(settings, forKey: .docker)
        case .registry(let settings): try container.encode(settings, forKey: .registry)
        }
    }
}

/// The format of an image in an environment.
public enum ReleaseFormat: String, Sendable, Codable, CaseIterable {
    case qcow2, raw

    /// Whether an image of this format is released unchanged. An ISO image is also a raw disk:
    /// whole sectors and no header.
    public func isMet(by format: ImageFormat) -> Bool {
        format.rawValue == rawValue || (self == .raw && format == .iso)
    }
}

/// A password or token. Its value never appears in descriptions or dumps.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public let reveal: String

    public init(_ text: String) { reveal = text }

    public var description: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
