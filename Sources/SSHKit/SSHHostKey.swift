import FoundationEssentials
import Support
import TextKit

/// A host's public key, which it must prove to own before any data is sent to it.
public struct SSHHostKey: Sendable, Hashable, CustomStringConvertible {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, …
    public let type: String
    public let base64: String
    /// The key as it is sent (RFC 4253, section 6.6).
    public let blob: [UInt8]

    static let knownTypes = [
        "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "ssh-rsa",
    ]

    /// Parses the line of a `.pub` file: `ssh-ed25519 AAAA… comment`.
    /// - Throws: `SSHError` (`hostKeyInvalid`).
    public init(_ line: String) throws(SSHError) {
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count >= 2, words[1].utf8.count <= SSHLimits.keyFileBytes,
            let data = Data(base64Encoded: String(words[1]))
        else {
            throw SSHError(
                .hostKeyInvalid,
                "'\(printable(line))' is no host key: expected a type and base64 text, as in "
                    + "/etc/ssh/ssh_host_ed25519_key.pub on the host.")
        }
        try self.init(blob: [UInt8](data))
        guard type == words[0] else {
            throw SSHError(
                .hostKeyInvalid,
                "The host key says '\(printable(String(words[0])))' but holds a key of type "
                    + "\(type): it was not copied whole.")
        }
    }

    init(blob: [UInt8]) throws(SSHError) {
        var reader = WireReader(blob)
        guard let type = try? reader.text(), Self.knownTypes.contains(type) else {
            throw SSHError(
                .hostKeyInvalid,
                "The host key is of no type known here: use one of "
                    + Self.knownTypes.joined(separator: ", ") + ".")
        }
        // The rest is numbers and strings, as many as the type needs; a truncated key ends within
        // one.
        do throws(WireReader.Malformed) {
            if type == "ssh-ed25519", try reader.string().count != 32 {
                throw WireReader.Malformed()
            }
            while !reader.rest.isEmpty { _ = try reader.string() }
        } catch {
            throw SSHError(
                .hostKeyInvalid, "The host key of type \(type) is damaged: it was not copied whole."
            )
        }
        self.type = type
        self.blob = blob
        base64 = Data(blob).base64EncodedString()
    }

    /// As `ssh-keygen -l` prints it: `SHA256:` and base64 without padding.
    public var fingerprint: String {
        let digest = Data(Hex.decode(SHA256.hex(blob)) ?? [])
        let text = digest.base64EncodedString()
        return "SHA256:" + text.prefix { $0 != "=" }
    }

    /// In the format that is parsed.
    public var description: String { "\(type) \(base64)" }
}
