//! JOSEKit: checks what others have signed (JSON Web Signature, RFC 7515), by libcjose.

import CJOSE
@_exported public import ErrorKit
import Glibc
import TextKit

/// Why a signed text is not believed.
public typealias SignatureError = CodedError<SignatureErrorCode>

public enum SignatureErrorCode: FailureCode {
    /// No signed text, or none whose header can be read.
    case malformed
    /// The signature is of a kind that proves nothing here: none, or by a shared secret.
    case algorithm
    /// No key of the set can have made it: the signer may have a new one.
    case key
    /// A key of the set fits, and did not make it.
    case signature

    public var isPermanent: Bool { true }
}

/// The public keys of a signer (JSON Web Key Set, RFC 7517).
public struct SigningKeys: Sendable {
    private struct Key: Sendable {
        var id: String?
        var type: String
        var algorithm: String?
        var text: [UInt8]
    }

    private let keys: [Key]

    /// A provider has two or three. Each is tried if the text does not name its key.
    public static let limit = 50
    /// Of a signed text: identity tokens have some kilobytes, those with many groups tens.
    public static let textBytes = 256 << 10

    /// What public keys prove, and the type of key that each needs. `none`, and the HS… by which a
    /// public key would be taken for a shared secret, are not among them.
    private static let keyTypes = [
        "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA",
        "PS512": "RSA", "ES256": "EC", "ES384": "EC", "ES512": "EC",
    ]

    /// Keys of other kinds and uses are left out.
    /// - Throws: if the document is no set of keys.
    public init(document: [UInt8]) throws(SignatureError) {
        guard let found = try? JSON(parsing: document), case .array(let all)? = found["keys"] else {
            throw SignatureError(.malformed, "this is no set of keys (JWKS)")
        }
        guard all.count <= Self.limit else {
            throw SignatureError(.malformed, "the set has more than \(Self.limit) keys")
        }
        keys = all.compactMap { key in
            guard let type = key["kty"]?.text, Self.keyTypes.values.contains(type),
                key["use"]?.text ?? "sig" == "sig"
            else { return nil }
            return Key(
                id: key["kid"]?.text, type: type, algorithm: key["alg"]?.text, text: key.bytes)
        }
    }

    /// What was signed, by one of these keys.
    public func payload(of text: String) throws(SignatureError) -> [UInt8] {
        guard text.utf8.count <= Self.textBytes else {
            throw SignatureError(
                .malformed, "the signed text has more than \(Self.textBytes) bytes")
        }
        var fault = cjose_err()
        guard let signed = cjose_jws_import(text, text.utf8.count, &fault) else {
            throw SignatureError(.malformed, "this is no signed text (JWS)", cause: words(fault))
        }
        defer { cjose_jws_release(signed) }
        guard let header = cjose_jws_get_protected(signed),
            let algorithm = field(header, "alg")
        else { throw SignatureError(.malformed, "the signed text does not name its algorithm") }
        guard let type = Self.keyTypes[algorithm] else {
            throw SignatureError(
                .algorithm, "the algorithm '\(algorithm.visible.prefix(20))' proves nothing here")
        }
        let id = field(header, "kid")
        let fitting = keys.filter {
            $0.type == type && (id == nil || $0.id == id) && $0.algorithm ?? algorithm == algorithm
        }
        guard !fitting.isEmpty else {
            throw SignatureError(.key, "the signer's set has no key that fits the signature")
        }
        guard fitting.contains(where: { Self.hasSigned($0.text, signed) }) else {
            throw SignatureError(.signature, "the signature is not the signer's")
        }
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard cjose_jws_get_plaintext(signed, &bytes, &count, &fault) else {
            throw SignatureError(.malformed, "the signed text is empty", cause: words(fault))
        }
        // The memory is that of `signed`.
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    private static func hasSigned(_ key: [UInt8], _ signed: OpaquePointer) -> Bool {
        let text = String(decoding: key, as: UTF8.self)
        guard let key = cjose_jwk_import(text, text.utf8.count, nil) else { return false }
        defer { cjose_jwk_release(key) }
        return cjose_jws_verify(signed, key, nil)
    }

    private func field(_ header: OpaquePointer, _ name: String) -> String? {
        cjose_header_get(header, name, nil).map { String(cString: $0) }
    }

    private func words(_ fault: cjose_err) -> LibraryError {
        LibraryError(
            "libcjose", code: fault.code.rawValue,
            fault.message.map {
                String(cString: $0)
            } ?? "")
    }
}
