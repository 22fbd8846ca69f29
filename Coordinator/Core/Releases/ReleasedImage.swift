import BuildProtocol

/// The name that an image gets in an environment, and who chose it.
public struct ReleasedImage: Sendable, Hashable {
    public var name: String
    /// The name that the guest OS gets there if its template chooses none.
    public var ownName: String
    /// The key of `aibuild.yml` that can choose another.
    public var key: String?
    /// Whether a release under this name replaces what had it, so that two guest OSes must not
    /// share it. An environment whose settings give all guest OSes one name shares it by intent.
    public var isExclusive: Bool

    public init(of plan: ReleasePlan, guestOS: String, in settings: EnvironmentSettings) {
        switch settings {
        case .openstack:
            ownName = Self.glanceName(ofGuestOS: guestOS)
            name = plan.name ?? ownName
            key = "release: name"
            isExclusive = true
        case .registry(let registry):
            ownName = registry.repository.filled(guestOS: guestOS)
            name = ownName
            isExclusive = ownName != registry.repository
        case .docker(let docker):
            ownName = docker.repository.filled(guestOS: guestOS)
            name = plan.properties["docker_image"] ?? ownName
            key = "release: properties: docker_image"
            isExclusive = false
        }
    }

    private static let suffix = "x86_64"

    private static func glanceName(ofGuestOS name: String) -> String { name + suffix }

    /// The guest OS whose own name in Glance this would be, whether or not there is one.
    public static func guestOS(ofGlanceName name: String) -> String? {
        let bytes = name.utf8
        guard bytes.count > suffix.utf8.count,
            bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
        else { return nil }
        return String(Substring(bytes.dropLast(suffix.utf8.count)))
    }
}

extension String {
    /// The repository of a guest OS. Names in registries have no upper-case letters.
    public func filled(guestOS: String) -> String {
        replacing("{guestos}", with: Names.fileName(of: guestOS).lowercased())
    }
}
