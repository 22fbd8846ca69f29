/// `registry:5000/team/app:tag@sha256:…`, parsed as Docker does.
public struct ImageReference: Sendable, Hashable, CustomStringConvertible {
    /// With the registry, as written: `10.0.0.1:5000/team/app`.
    public var repository: String
    public var tag: String?
    /// `sha256:…`
    public var digest: String?

    public init(repository: String, tag: String? = nil, digest: String? = nil) {
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    /// - Throws: `DockerError` of kind `.invalid` that says what is wrong.
    public init(_ text: String) throws(DockerError) {
        var rest = text[...]
        if let at = rest.firstIndex(of: "@") {
            digest = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        // A colon before the last slash is a registry's port.
        let name = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let colon = rest[name...].lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        repository = String(rest)
        let path = pathInRegistry
        let isNamed =
            path.wholeMatch(of: #/[a-z0-9]+([._\-]+[a-z0-9]+)*(/[a-z0-9]+([._\-]+[a-z0-9]+)*)*/#)
            != nil && repository.utf8.count <= 255
            && registry?.wholeMatch(of: #/([A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?/#)
                .map({ _ in true }) ?? (registry == nil)
        guard isNamed else {
            throw DockerError(
                .invalid,
                "'\(text.prefix(300))' is not an image: use registry/team/name:tag, with "
                    + "lower-case letters, digits and single . _ - between them in the name")
        }
        if let tag, !Self.isTag(tag) {
            throw DockerError(
                .invalid,
                "'\(text.prefix(300))' is not an image: a tag has up to 128 letters, digits, . _ -")
        }
        if let digest, digest.wholeMatch(of: #/sha256:[0-9a-f]{64}/#) == nil {
            throw DockerError(
                .invalid, "'\(text.prefix(300))' is not an image: a digest is sha256: and 64 digits"
            )
        }
    }

    public static func isTag(_ text: String) -> Bool {
        text.wholeMatch(of: #/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}/#) != nil
    }

    /// `host:port` of the registry; `nil` for Docker's own.
    public var registry: String? {
        guard let slash = repository.firstIndex(of: "/") else { return nil }
        let first = repository[..<slash]
        return first.contains(".") || first.contains(":") || first == "localhost"
            ? String(first) : nil
    }

    /// `team/app`.
    public var pathInRegistry: String {
        registry.map { String(repository.dropFirst($0.count + 1)) } ?? repository
    }

    /// The name without Docker's own registry, as Docker shows it.
    var familiarRepository: String {
        var name = repository[...]
        for prefix in ["docker.io/", "index.docker.io/"] where name.hasPrefix(prefix) {
            name = name.dropFirst(prefix.count)
        }
        if name.hasPrefix("library/") { name = name.dropFirst("library/".count) }
        return String(name)
    }

    public func isOfSameRepository(as other: ImageReference) -> Bool {
        familiarRepository == other.familiarRepository
    }

    public var description: String {
        repository + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    /// The image by its digest, which cannot change.
    public func pinned(to digest: String) -> ImageReference {
        ImageReference(repository: repository, digest: digest)
    }
}
