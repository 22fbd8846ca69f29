import AgentCore
import BuildProtocol
import Glibc
import Support

/// Template archives on this host, by digest.
enum Templates {
    static func digests(_ state: StateFolder) -> [String] {
        ((try? Files.list(state.templates)) ?? []).compactMap { name in
            guard name.hasSuffix(".tar") else { return nil }
            let digest = String(name.dropLast(4))
            return Names.isSHA256(digest) ? digest : nil
        }
    }

    /// Marks the archive as used now.
    /// - Returns: whether it exists.
    static func touch(_ sha256: String, _ state: StateFolder) -> Bool {
        utimensat(AT_FDCWD, state.template(sha256), nil, 0) == 0
    }
}
