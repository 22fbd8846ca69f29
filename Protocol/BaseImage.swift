/// An image or ISO that a build starts from. Fetched by the agent and cached there by digest.
public struct BaseImage: Sendable, Hashable, Codable {
    /// `http`, `https` or `file` (a path on the host).
    public var url: String
    /// 64 hexadecimal digits; `nil` for an image with `sha512`, and for the literal `sha256: none`
    /// in the template.
    public var sha256: String?
    /// 128 hexadecimal digits, instead of `sha256`.
    public var sha512: String?
    /// The checksum file that the digest was read from when the build was submitted; for people.
    public var checksumURL: String?

    public init(
        url: String, sha256: String?, sha512: String? = nil, checksumURL: String? = nil
    ) {
        self.url = url
        self.sha256 = sha256
        self.sha512 = sha512
        self.checksumURL = checksumURL
    }

    /// What its bytes must have; `nil` if they are not verified.
    public var digest: ImageDigest? {
        if let sha256 { return ImageDigest(algorithm: .sha256, hex: sha256) }
        return sha512.map { ImageDigest(algorithm: .sha512, hex: $0) }
    }
}

/// The digest of an image, and what made it.
public struct ImageDigest: Sendable, Hashable {
    /// The raw values are libcrypto's and Packer's names.
    public enum Algorithm: String, Sendable, Hashable, CaseIterable {
        case sha256, sha512

        /// Hexadecimal digits of a digest.
        public var digits: Int { self == .sha256 ? 64 : 128 }
        public var title: String { self == .sha256 ? "SHA-256" : "SHA-512" }
    }

    public var algorithm: Algorithm
    /// In lower case.
    public var hex: String

    public init(algorithm: Algorithm, hex: String) {
        self.algorithm = algorithm
        self.hex = hex
    }
}
