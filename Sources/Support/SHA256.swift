import CCrypto
import Glibc
import TextKit

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

/// A digest by libcrypto, in pieces.
public struct Digest: ~Copyable {
    private let context: OpaquePointer?

    /// - Parameter name: the name in libcrypto and OpenStack: `sha512`, `sha256`, `md5` … `nil` if
    ///   this libcrypto does not support it.
    public init?(named name: String) {
        guard let algorithm = EVP_get_digestbyname(name) else { return nil }
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, algorithm, nil)
    }

    public static func sha512() -> Digest { Digest(EVP_sha512()) }
    static func sha256() -> Digest { Digest(EVP_sha256()) }

    private init(_ algorithm: OpaquePointer?) {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, algorithm, nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// Adds the first `limitBytes` of a file.
    public mutating func update(file path: String, limitBytes: Int64 = .max) throws(SystemError) {
        let file = try Descriptor(path, O_RDONLY)
        var rest = limitBytes
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while rest > 0 {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(Int64(buffer.count), rest))])
            let count = try file.read(into: piece)
            if count == 0 { break }
            update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
            rest -= Int64(count)
        }
    }

    /// Lower-case hexadecimal digits. Consumes the hasher.
    public consuming func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        EVP_DigestFinal_ex(context, &digest, &count)
        return Hex.encode(digest.prefix(Int(count)))
    }
}
