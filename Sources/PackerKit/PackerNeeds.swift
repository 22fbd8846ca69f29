/// What a template needs of the Packer that builds it.
public struct PackerNeeds: Sendable, Hashable, Codable {
    /// A condition on Packer's version.
    public struct Version: Sendable, Hashable, Codable {
        public var constraint: String
        /// `required_plugins`, `min_packer_version` …
        public var reason: String
        public var place: SourcePlace

        public init(constraint: String, reason: String, place: SourcePlace) {
            self.constraint = constraint
            self.reason = reason
            self.place = place
        }
    }

    public struct Plugin: Sendable, Hashable, Codable {
        /// `github.com/hashicorp/qemu`
        public var source: String
        public var constraint: String?
        public var place: SourcePlace

        public init(source: String, constraint: String?, place: SourcePlace) {
            self.source = source
            self.constraint = constraint
            self.place = place
        }
    }

    public var versions: [Version] = []
    public var plugins: [Plugin] = []

    public init() {}

    /// What a Packer lacks, as the end of "… has"; `nil` if it has all, as far as is known.
    ///
    /// - Parameters:
    ///   - version: Packer's; `nil` if it is not installed.
    ///   - installed: versions of the installed plugins, by source; `nil` if not known.
    public func shortage(version: String?, plugins installed: [String: [String]]?) -> String? {
        guard let text = version else { return "no Packer" }
        guard let version = PackerVersion(text) else { return nil }
        for need in versions {
            guard let constraint = VersionConstraint(need.constraint),
                !constraint.allows(version)
            else { continue }
            return "Packer \(version); the template needs \(need.constraint) "
                + "(\(need.reason), \(need.place))"
        }
        guard let installed else { return nil }
        for need in plugins {
            let versions = installed[need.source] ?? []
            let constraint = need.constraint.flatMap(VersionConstraint.init)
            let fits = versions.contains { text in
                PackerVersion(text).map { constraint?.allows($0) ?? true } ?? true
            }
            if fits { continue }
            let has =
                versions.isEmpty
                ? "no plugin \(need.source)"
                : "the plugin \(need.source) \(versions.sorted().joined(separator: ", "))"
            return "Packer \(version) and \(has); the template needs "
                + "\(need.constraint ?? "any version of it") (\(need.place))"
        }
        return nil
    }
}
