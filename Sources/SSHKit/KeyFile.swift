import FoundationEssentials
import Glibc
import LoopKit
import Support
import TextKit

/// A private key file, checked before a library gets it, because the libraries report everything
/// that can be wrong with one as the same error.
struct KeyFile {
    let path: String
    let bytes: [UInt8]
    let isEncrypted: Bool
    /// The public half, if the file contains it unencrypted (OpenSSH's own format).
    let publicKey: [UInt8]?

    /// - Throws: `SSHError` (`keyFileUnusable`, `timedOut`), `CancellationError`.
    static func read(
        _ path: String, loop: EventLoop, _ deadline: Deadline
    ) async throws -> KeyFile {
        let outcome = try await BlockingThreads.run(
            loop: loop, deadlineMilliseconds: deadline.milliseconds
        ) { () -> Result<[UInt8], SystemError> in
            do throws(SystemError) {
                return .success(try Files.read(path, limitBytes: SSHLimits.keyFileBytes))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let bytes): return try KeyFile(path: path, bytes: bytes)
        case .failure(let error):
            let remedy =
                switch error.errno {
                case ENOENT: "Make one with `ssh-keygen -t ed25519 -f \(path)`, or name another."
                case EACCES, EPERM: "The user that this program runs as must be able to read it."
                default: "Name a private key file."
                }
            throw SSHError(
                .keyFileUnusable, "The key file \(path) cannot be read. \(remedy)",
                cause: error)
        case nil:
            throw SSHError(.timedOut, "The key file \(path) could not be read in time.")
        }
    }

    init(path: String, bytes: [UInt8]) throws(SSHError) {
        self.path = path
        self.bytes = bytes
        let text = String(decoding: bytes, as: UTF8.self)
        if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
            guard let header = try? OpenSSHHeader(text) else {
                throw SSHError(.keyFileUnusable, "The key file \(path) is damaged.")
            }
            isEncrypted = header.cipher != "none"
            publicKey = header.publicKey
        } else if text.contains("PRIVATE KEY-----") {
            isEncrypted = text.contains("ENCRYPTED")
            publicKey = nil
        } else {
            let isPublic = SSHHostKey.knownTypes.contains { text.hasPrefix($0) }
            throw SSHError(
                .keyFileUnusable,
                isPublic
                    ? "\(path) is a public key: name the private one, the file without .pub."
                    : "\(path) is no private key in OpenSSH's or PEM format: make one with "
                        + "`ssh-keygen -t ed25519`.")
        }
    }

    /// The type and fingerprint of the public half, as far as known.
    var summary: String {
        guard let publicKey, let key = try? SSHHostKey(blob: publicKey) else { return path }
        return "\(path) (\(key.type) \(key.fingerprint))"
    }

    var isRSA: Bool {
        if let publicKey, let key = try? SSHHostKey(blob: publicKey) {
            return key.type == "ssh-rsa"
        }
        return String(decoding: bytes, as: UTF8.self).contains("BEGIN RSA PRIVATE KEY")
    }

    /// The unencrypted header of an `openssh-key-v1` file (OpenSSH's PROTOCOL.key).
    private struct OpenSSHHeader {
        var cipher: String
        var publicKey: [UInt8]

        init(_ text: String) throws {
            let base64 = text.lines.filter { !$0.hasPrefix("-----") }.joined()
            guard let data = Data(base64Encoded: base64.filter { !$0.isWhitespace }) else {
                throw WireReader.Malformed()
            }
            var reader = WireReader(data)
            let magic = Array("openssh-key-v1\0".utf8)
            guard Array(try reader.bytes(magic.count)) == magic else {
                throw WireReader.Malformed()
            }
            cipher = try reader.text()
            _ = try reader.text()  // key derivation
            _ = try reader.string()  // and its options
            guard try reader.uint32() == 1 else { throw WireReader.Malformed() }
            publicKey = Array(try reader.string())
        }
    }
}
