/// What the profile of a machine (Quattor, as Aquilon publishes it) says of its image.
public struct ImageProfile: Sendable, Hashable {
    public var personality: String
    public var os: String
    public var version: String
    public var architecture: String
    public var hostname: String?
    public var archetype: String?
    /// The branch that the profile was made from, if it is a domain.
    public var domain: String?

    public init(
        personality: String, os: String, version: String, architecture: String,
        hostname: String? = nil, archetype: String? = nil, domain: String? = nil
    ) {
        self.personality = personality
        self.os = os
        self.version = version
        self.architecture = architecture
        self.hostname = hostname
        self.archetype = archetype
        self.domain = domain
    }

    /// Where a profile has each of these, below its root.
    public enum Place: String, Sendable, CaseIterable {
        case personality = "system/personality/name"
        case os = "system/os/distribution/name"
        case version = "system/os/version/name"
        case architecture = "system/os/architecture"
        case hostname = "system/network/hostname"
        case archetype = "system/archetype/name"
        case branch = "metadata/template/branch/name"
        case branchType = "metadata/template/branch/type"
    }

    /// - Throws: `ProfileFault` that names what is missing.
    public init(_ texts: [Place: String]) throws(ProfileFault) {
        func text(_ place: Place) throws(ProfileFault) -> String {
            guard let text = texts[place], !text.isEmpty else {
                throw ProfileFault("it has no \(place.rawValue)")
            }
            return text
        }
        self.init(
            personality: try text(.personality), os: try text(.os), version: try text(.version),
            architecture: try text(.architecture), hostname: texts[.hostname],
            archetype: texts[.archetype],
            domain: texts[.branchType] == "domain" ? texts[.branch] : nil)
    }

    /// The key of its source image: `sl7x-x86_64`.
    public var system: String { os + versionAndArchitecture }
    public var versionAndArchitecture: String { "\(version)-\(architecture)" }
    /// `nubesvms-sl7x-x86_64`
    public var personalityAndSystem: String { "\(personality)-\(system)" }
    /// The value of `$NAME`.
    public var name: String { hostname ?? personalityAndSystem }
}

/// What is told to the machine that is built, as `$METADATA`.
public enum ProfileMetadata: String, Sendable, CaseIterable {
    case personality = "AQ_PERSONALITY"
    case os = "AQ_OS"
    case version = "AQ_OSVERSION"
    case archetype = "AQ_ARCHETYPE"
    case domain = "AQ_DOMAIN"

    /// What Packuilon's worker told.
    public static let usual: [ProfileMetadata] = [.personality, .os, .version]

    func value(_ profile: ImageProfile) -> String? {
        switch self {
        case .personality: profile.personality
        case .os: profile.os
        case .version: profile.versionAndArchitecture
        case .archetype: profile.archetype
        case .domain: profile.domain
        }
    }
}
