//! PasswordKit: passwords as Debian keeps those of its own users, by the C library's libcrypt.

import CCrypt
@_exported public import ErrorKit
import Glibc

/// Why a password cannot be hashed.
public typealias PasswordHashError = CodedError<PasswordHashErrorCode>

public enum PasswordHashErrorCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}

/// yescrypt. Each call takes a core for a sixth of a second, and 128 MiB: never on the cooperative
/// pool, and few at a time.
public enum PasswordHash {
    /// 2^(8 + 7) blocks of 4 KiB: each step doubles memory and time.
    private static let cost: UInt = 8

    /// With a salt of its own.
    public static func make(_ password: String) throws(PasswordHashError) -> String {
        guard let setting = crypt_gensalt_ra("$y$", cost, nil, 0) else {
            throw PasswordHashError("libcrypt makes no salt: error \(errno)")
        }
        defer { free(setting) }
        return try crypt(password, String(cString: setting))
    }

    public static func matches(
        _ password: String, _ hash: String
    ) throws(PasswordHashError) -> Bool {
        isEqual(hash, try crypt(password, hash))
    }

    private static func crypt(
        _ password: String, _ setting: String
    ) throws(PasswordHashError) -> String {
        var scratch: UnsafeMutableRawPointer?
        var scratchBytes: Int32 = 0
        defer { free(scratch) }
        // A failure may be a word that begins with `*`, which is no hash.
        guard let found = crypt_ra(password, setting, &scratch, &scratchBytes),
            found.pointee != CChar(bitPattern: UInt8(ascii: "*"))
        else { throw PasswordHashError("libcrypt cannot hash: error \(errno)") }
        return String(cString: found)
    }

    /// Takes as long wherever they differ.
    private static func isEqual(_ one: String, _ other: String) -> Bool {
        guard one.utf8.count == other.utf8.count else { return false }
        return zip(one.utf8, other.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
