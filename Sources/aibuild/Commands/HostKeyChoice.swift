import ArgumentKit
import Support

/// The key by which a host is to be known: of a file, or shown by the host and confirmed.
struct HostKeyChoice {
    let context: CommandContext
    let address: String

    private struct Scan: Encodable { var address: String }

    /// Enough for the lines of a few thousand hosts.
    private static let fileBytes = 1 << 20

    func key() async throws -> String {
        if let file = context.arguments["host-key"] {
            let bytes = try Arguments.read(
                file == "-" ? "/dev/stdin" : file, limitBytes: Self.fileBytes)
            let text = String(decoding: bytes, as: UTF8.self)
            // `host add` connects at once, and a host that does not answer may be given its key
            // beforehand.
            if context.command.name == "host change", let found = try? await scan() {
                try require(found, in: text, file)
            }
            return text
        }
        let found = try await scan()
        try confirm(found)
        return found.hostKey
    }

    private func scan() async throws -> ScanAnswer {
        try APIClient.decode(
            ScanAnswer.self,
            try await context.api.send("POST", "/api/v1/hosts/scan", Scan(address: address)))
    }

    /// Throws if the file has another key of the type that the host shows.
    private func require(
        _ found: ScanAnswer, in text: String, _ file: String
    ) throws(CommandError) {
        let shown = found.hostKey.split(separator: " ")
        guard shown.count >= 2 else { return }
        let words = text.utf8.split { $0 <= 0x20 }
        let keys = zip(words, words.dropFirst())
            .filter { $0.0.elementsEqual(shown[0].utf8) }.map(\.1)
        guard !keys.isEmpty, !keys.contains(where: { $0.elementsEqual(shown[1].utf8) }) else {
            return
        }
        throw CommandError(
            .refused,
            "Host key mismatch: \(SafeText.line(found.address)) has the key "
                + "\(SafeText.line(found.fingerprint)), which is not in \(SafeText.line(file)). "
                + "It is another host, the file is old, or the connection is intercepted. "
                + "Nothing was changed")
    }

    /// Throws unless the user or the command line confirms the key.
    private func confirm(_ found: ScanAnswer) throws {
        let (name, shown) = (context.name, SafeText.line(found.fingerprint))
        if let wanted = context.arguments["fingerprint"] {
            guard wanted == found.fingerprint else {
                throw CommandError(
                    .refused,
                    "Host key mismatch: \(found.address) has the key \(shown), not \(wanted). "
                        + "It is another host, or the connection is intercepted. "
                        + "Nothing was changed"
                )
            }
            return
        }
        let kind = found.hostKey.split(separator: " ").first.map { SafeText.line(String($0)) } ?? ""
        context.console.err(
            "\(SafeText.line(found.address)) has the \(kind) key\n  \(shown)\n"
                + "To compare it, run on the host:"
                + " ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n")
        guard let answer = context.console.ask("Is this the key of \(name)? [yes/no] ") else {
            throw CommandError(
                .usage,
                "Cannot confirm the host key of \(name): stdin is not a terminal. Compare the key, "
                    + "then pass --fingerprint \(shown)")
        }
        guard ["y", "yes"].contains(answer.lowercased()) else {
            throw CommandError(.refused, "The host key was not confirmed. Nothing was changed")
        }
    }
}
