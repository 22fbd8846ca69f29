import CoordinatorCore
import FoundationEssentials
import Glibc
import ProcessKit
import Support
import Templates
import TextKit

/// Checks signatures with `gpgv`, against the keys in a file of the template.
struct SignatureCheck {
    /// As exported by GnuPG, in binary form or with ASCII armor.
    let key: [UInt8]
    /// For temporary files.
    let folder: String

    private static let timeoutSeconds = 30
    private static let outputBytes = 8 << 20

    /// - Parameters:
    ///   - signature: a detached one; `nil` if the text is signed in itself.
    ///   - shown: the name of the text, for messages.
    /// - Returns: what was signed.
    /// - Throws: `TemplateFault`
    func verified(
        _ text: [UInt8], signature: [UInt8]?, shown: String
    ) async throws -> [UInt8] {
        guard Command.find("gpgv", path: Command.minimalEnvironment["PATH"] ?? "") != nil else {
            throw TemplateFault(
                "the signature of \(shown) cannot be checked, because gpgv is not installed on the "
                    + "coordinator's machine: apt install gpgv")
        }
        let place = "\(folder)/.\(UInt64.random(in: .min ... .max)).part"
        defer { try? Files.remove(place) }
        try Files.makeFolder(place, mode: 0o700)
        try write(try binaryKey(), to: "\(place)/keys")
        try write(text, to: "\(place)/text")
        var arguments = ["gpgv", "--homedir", place, "--keyring", "\(place)/keys"]
        if let signature {
            try write(signature, to: "\(place)/signature")
            arguments += ["\(place)/signature", "\(place)/text"]
        } else {
            arguments += ["--output", "\(place)/signed", "\(place)/text"]
        }
        var environment = Command.minimalEnvironment
        environment["LC_ALL"] = "C"
        let result = try await Command(arguments, environment: environment).run(
            timeoutSeconds: Self.timeoutSeconds)
        guard result.status.isSuccess else {
            throw TemplateFault(
                "\(shown) is not signed by a key in base_image.signature_key: "
                    + TemplateTar.tail(result.stderrText))
        }
        if signature != nil { return text }
        return try Files.read("\(place)/signed", limitBytes: Self.outputBytes)
    }

    private func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        try Descriptor(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600).writeAll(bytes)
    }

    /// `gpgv` takes keys in binary form only.
    private func binaryKey() throws(TemplateFault) -> [UInt8] {
        let lines = String(decoding: key, as: UTF8.self).lines
        guard
            let first = lines.firstIndex(where: {
                $0.hasPrefix("-----BEGIN PGP PUBLIC KEY BLOCK-----")
            })
        else { return key }
        // Headers, the key in Base64, its checksum.
        let body = lines[(first + 1)...].drop { $0.contains(":") }
            .prefix { !$0.hasPrefix("=") && !$0.hasPrefix("-") }
        guard let data = Data(base64Encoded: body.joined()), !data.isEmpty else {
            throw TemplateFault("base_image.signature_key is no OpenPGP key that can be read")
        }
        return Array(data)
    }
}
