import BuildProtocol
import TextKit

/// Validation of an environment before it is stored: `nil` if it is valid, else a sentence that
/// names the field.
extension ReleaseEnvironment {
    public enum Bounds {
        /// The width of the historic column.
        public static let nameBytes = 64
        /// Hosts of one environment, and projects that an image is shared with.
        public static let listed = 200
        /// A container's definition.
        public static let containerBytes = 64 << 10
        public static let textBytes = 1024
        /// A name in Glance, and room for a few stars.
        public static let patternBytes = 255
        /// The width of the column. Glance and registries take shorter names only.
        public static let imageNameBytes = 512
        public static let secretBytes = 4096
        /// For a health check: a longer time would hide that the container is not healthy.
        public static let healthSeconds = 3600
    }

    public var problem: String? {
        if name.utf8.count > Bounds.nameBytes {
            return "the name of the environment has more than \(Bounds.nameBytes) bytes"
        }
        return Names.registeredProblem(name, what: "name of the environment") ?? settings.problem
            ?? policy.problem
    }
}

extension EnvironmentSettings {
    var problem: String? {
        switch self {
        case .openstack(let settings): settings.problem
        case .docker(let settings): settings.problem
        case .registry(let settings): settings.problem
        }
    }
}

extension EnvironmentSettings {
    /// Why no image can have this name there; `nil` if one can.
    public func problem(ofImageName name: String) -> String? {
        if name.isEmpty { return "name is empty" }
        if name.unicodeScalars.contains(where: \.isControl) {
            return "name \(Names.quoted(name)) contains a control character"
        }
        switch self {
        case .openstack:
            // Glance's column.
            return name.unicodeScalars.count > 255
                ? "name has more than the 255 characters that a name in Glance can have" : nil
        case .registry(let registry):
            return Self.isRepository(name, of: registry.repository)
                ? nil
                : "no image there can be called \(Names.quoted(name)): the environment's images "
                    + "are called \(registry.repository), in lower case and without a tag"
        case .docker(let docker):
            return Self.isRepository(name, of: "{guestos}")
                ? nil
                : "no image there can be called \(Names.quoted(name)): it is a repository, such as "
                    + "\(docker.repository), in lower case and without a tag"
        }
    }

    /// Whether some guest OS has this repository by the pattern.
    private static func isRepository(_ name: String, of pattern: String) -> Bool {
        guard name.wholeMatch(of: #/[a-z0-9]+([._\-\/:]+[a-z0-9]+)*/#) != nil else { return false }
        let parts = Array(pattern.utf8).split(
            separator: Array("{guestos}".utf8), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return name == pattern }
        let bytes = Array(name.utf8)
        return bytes.count > parts[0].count + parts[1].count && bytes.starts(with: parts[0])
            && bytes.suffix(parts[1].count).elementsEqual(parts[1])
    }
}

extension OpenStackSettings {
    fileprivate var problem: String? {
        if let problem = Rules.url(authURL, "authURL") { return problem }
        if let problem = loginProblem { return problem }
        for (field, text) in [
            ("project", project), ("username", username), ("userDomain", userDomain),
            ("projectDomain", projectDomain), ("region", region),
            ("applicationCredential", applicationCredential ?? ""),
            ("userDomainID", userDomainID ?? ""), ("projectDomainID", projectDomainID ?? ""),
            ("projectID", projectID ?? ""),
        ] {
            if let problem = Rules.text(text, field) { return problem }
        }
        let urlProblem = imageURL.flatMap { Rules.url($0, "imageURL") }
        if let problem = urlProblem ?? Rules.file(caFile, "caFile") { return problem }
        guard members.count <= ReleaseEnvironment.Bounds.listed else {
            return "members has more than \(ReleaseEnvironment.Bounds.listed) projects"
        }
        if let problem = members.lazy.compactMap({ Names.problem($0, what: "member") }).first {
            return problem
        }
        if !members.isEmpty, visibility != .shared {
            return "members are given, but visibility is \(visibility.rawValue): only shared "
                + "images have members"
        }
        if let hook, !Names.isFileName(hook) {
            return "hook \(Names.quoted(hook)) is not a plain file name"
        }
        let most = KeptImagesBound.range.upperBound
        return $keep.isOutOfRange ? "keep is not a number from 0 to \(most)" : nil
    }

    /// Fields that the kind of login needs and lacks, or has and cannot use.
    private var loginProblem: String? {
        let hasProject = !project.isEmpty || projectID != nil
        switch authentication {
        case .password:
            if applicationCredential != nil {
                return "applicationCredential is given, but authentication is password"
            }
            if username.isEmpty { return "username is empty" }
            if userDomain.isEmpty, userDomainID == nil { return "userDomain is empty" }
            if !hasProject { return "project is empty" }
        case .applicationCredential:
            guard applicationCredential?.isEmpty == false else {
                return "applicationCredential is missing: it is the id of the credential"
            }
            if hasProject || !username.isEmpty {
                return "project and username are given beside an application credential, which has "
                    + "both: leave them out"
            }
        case .token:
            if applicationCredential != nil || !username.isEmpty {
                return "username and applicationCredential cannot be used with a token: leave them "
                    + "out"
            }
        }
        if projectID != nil, !project.isEmpty {
            return "project and projectID are given: leave one of them out"
        }
        let needsDomain = !project.isEmpty && projectDomainID == nil
        return needsDomain && projectDomain.isEmpty ? "projectDomain is empty" : nil
    }
}

extension DockerSettings {
    fileprivate var problem: String? {
        guard (1...ReleaseEnvironment.Bounds.listed).contains(hosts.count) else {
            return "hosts has \(hosts.count) entries: use 1 to \(ReleaseEnvironment.Bounds.listed)"
        }
        guard Set(hosts.map(\.name)).count == hosts.count else {
            return "two hosts have the same name"
        }
        for host in hosts {
            let problem =
                Names.problem(host.name, what: "name of the Docker host")
                ?? Rules.url(host.url, "url of host \(host.name)")
                ?? Rules.file(host.certificates, "certificates of host \(host.name)")
            if let problem { return problem }
            if host.container.utf8.count > ReleaseEnvironment.Bounds.containerBytes {
                return "the container of host \(host.name) has more than "
                    + "\(ReleaseEnvironment.Bounds.containerBytes) bytes"
            }
        }
        for (field, seconds) in [
            ("healthSeconds", healthSeconds), ("settleSeconds", settleSeconds),
        ] {
            let longest = ReleaseEnvironment.Bounds.healthSeconds
            if let seconds, !(1...longest).contains(seconds) {
                return "\(field) is \(seconds): use 1 to \(longest)"
            }
        }
        if repository.isEmpty { return "repository is empty" }
        return Rules.text(repository, "repository")
            ?? registry.flatMap { Names.problem($0, what: "name of the registry environment") }
            ?? username.flatMap { Rules.text($0, "username") }
    }
}

extension RegistrySettings {
    fileprivate var problem: String? {
        if repository.isEmpty || tag.isEmpty { return "repository and tag must not be empty" }
        return Rules.url(url, "url") ?? Rules.text(repository, "repository")
            ?? Names.problem(tag, what: "tag") ?? username.flatMap { Rules.text($0, "username") }
            ?? Rules.file(caFile, "caFile")
    }
}

private enum Rules {
    static func text(_ text: String, _ field: String) -> String? {
        if text.utf8.count > ReleaseEnvironment.Bounds.textBytes {
            return "\(field) has more than \(ReleaseEnvironment.Bounds.textBytes) bytes"
        }
        return text.unicodeScalars.contains(where: \.isControl)
            ? "\(field) \(Names.quoted(text)) contains a control character" : nil
    }

    static func url(_ text: String, _ field: String) -> String? {
        let bytes = text.utf8
        guard bytes.starts(with: "http://".utf8) || bytes.starts(with: "https://".utf8),
            !bytes.contains(UInt8(ascii: "@")), !bytes.contains(UInt8(ascii: " "))
        else {
            return "\(field) \(Names.quoted(text)) is not an http or https URL without a user name"
        }
        return self.text(text, field)
    }

    static func file(_ path: String?, _ field: String) -> String? {
        guard let path else { return nil }
        guard path.isAbsolutePath else {
            return "\(field) \(Names.quoted(path)) is not an absolute path on the coordinator"
        }
        return text(path, field)
    }
}
