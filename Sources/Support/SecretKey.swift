import CCrypto
import Glibc
import TextKit

/// Encrypts short secrets with AES-256-GCM by libcrypto. A secret that was encrypted for one
/// context (the id of a row) cannot be decrypted in another, nor with another key, nor after a
/// change.
public struct SecretKey: Sendable {
    private static let keyBytes = 32
    private static let nonceBytes = 12
    private static let tagBytes = 16
    private static let scheme = "aes256gcm"

    private let bytes: [UInt8]

    public init() {
        bytes = Self.random(Self.keyBytes)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// The keys of a file: 64 hexadecimal digits on each line, and at least one key.
    /// - Throws: `SystemError`, `Failure` if a line is no key.
    public static func all(inFile file: String) throws -> [SecretKey] {
        let text = String(decoding: try Files.read(file, limitBytes: 4096), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).filter {
            !$0.allSatisfy(\.isWhitespace)
        }
        let keys = lines.compactMap { Hex.decode($0.filter { !$0.isWhitespace }) }
        guard !keys.isEmpty, keys.count == lines.count,
            keys.allSatisfy({ $0.count == keyBytes })
        else {
            throw Failure(
                "\(file) holds no key: expected 64 hexadecimal digits, as "
                    + "`openssl rand -hex 32` prints them")
        }
        return keys.map(SecretKey.init(bytes:))
    }

    /// As a line of a file.
    public var text: String { Hex.encode(bytes) }

    /// Identifies the key without revealing it.
    private var id: String { String(SHA256.hex(bytes).prefix(8)) }

    /// How everything begins that this key has sealed.
    public var prefix: String { "\(Self.scheme):\(id):" }

    public func seal(_ secret: String, context: String) -> String {
        let nonce = Self.random(Self.nonceBytes)
        let plain = Array(secret.utf8)
        var sealed = [UInt8](repeating: 0, count: plain.count + Self.tagBytes)
        let cipher = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(cipher) }
        var count: Int32 = 0
        let additional = Array(context.utf8)
        EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, bytes, nonce)
        EVP_EncryptUpdate(cipher, nil, &count, additional, Int32(additional.count))
        EVP_EncryptUpdate(cipher, &sealed, &count, plain, Int32(plain.count))
        EVP_EncryptFinal_ex(cipher, nil, &count)
        sealed.withUnsafeMutableBytes { buffer in
            _ = EVP_CIPHER_CTX_ctrl(
                cipher, EVP_CTRL_GCM_GET_TAG, Int32(Self.tagBytes),
                buffer.baseAddress?.advanced(by: plain.count))
        }
        return "\(Self.scheme):\(id):\(Hex.encode(nonce + sealed))"
    }

    public func open(_ sealed: String, context: String) throws(Failure) -> String {
        let parts = sealed.split(separator: ":")
        guard parts.count == 3, parts[0] == Self.scheme, let data = Hex.decode(parts[2]),
            data.count >= Self.nonceBytes + Self.tagBytes
        else { throw Failure("it is not in the form in which secrets are sealed") }
        guard parts[1] == id else {
            throw Failure(
                "it was sealed with the key \(parts[1]), this coordinator has \(id): "
                    + "all coordinators of a farm need the same secret_key_file")
        }
        var tag = Array(data.suffix(Self.tagBytes))
        let cipherText = Array(data.dropFirst(Self.nonceBytes).dropLast(Self.tagBytes))
        var plain = [UInt8](repeating: 0, count: cipherText.count)
        let cipher = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(cipher) }
        var count: Int32 = 0
        let additional = Array(context.utf8)
        EVP_DecryptInit_ex(
            cipher, EVP_aes_256_gcm(), nil, bytes, Array(data.prefix(Self.nonceBytes)))
        EVP_DecryptUpdate(cipher, nil, &count, additional, Int32(additional.count))
        EVP_DecryptUpdate(cipher, &plain, &count, cipherText, Int32(cipherText.count))
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, Int32(Self.tagBytes), &tag)
        guard EVP_DecryptFinal_ex(cipher, nil, &count) == 1 else {
            throw Failure("it was changed since it was sealed")
        }
        return String(decoding: plain, as: UTF8.self)
    }

    /// Like libcrypto, ends the process if the system has no randomness.
    static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "the system has no randomness")
        return bytes
    }
}
