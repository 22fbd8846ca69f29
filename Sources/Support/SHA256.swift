/// SHA-256, in pieces.
public struct SHA256: ~Copyable {
    private var digest = Digest.sha256()

    public init() {}

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { digest.update(bytes) }

    /// 64 lower-case hexadecimal digits. Consumes the hasher.
    public consuming func finish() -> String { digest.finish() }

    public static func hex(_ bytes: some Collection<UInt8>) -> String {
        var hasher = SHA256()
        Array(bytes).withUnsafeBytes { hasher.update($0) }
        return hasher.finish()
    }

    /// Digest of the first `limitBytes` of a file (all of it by default).
    public static func file(_ path: String, limitBytes: Int64 = .max) throws(SystemError) -> String
    {
        var hasher = SHA256()
        try hasher.digest.update(file: path, limitBytes: limitBytes)
        return hasher.finish()
    }
}
