import AgentCore
import BuildProtocol
import Glibc
import Support

/// Home and temporary folder of attempts that are not isolated, whose own folders have paths too
/// long for sockets. Each is named by a link in the attempt's folder, which is made before it: one
/// that no attempt names is left over.
struct ShortFolders: Sendable {
    let state: StateFolder

    /// Makes both for an attempt.
    /// - Returns: their name.
    func make(for folder: AttemptFolder) throws -> String {
        for path in [state.shortHomes, state.shortTemporaries] {
            try Files.makeFolder(path, mode: 0o700)
        }
        for name in candidates(folder) {
            let home = state.shortHome(name)
            try link(folder.home, to: home)
            guard mkdir(home, 0o700) == 0 else {
                guard errno == EEXIST else { throw SystemError.last("cannot make \(home)") }
                continue
            }
            let temporary = state.shortTemporary(name)
            try Files.remove(temporary)
            try Files.makeFolder(temporary, mode: 0o700)
            try link(folder.temporary, to: temporary)
            return name
        }
        throw Failure("all short names in \(state.shortHomes) that an attempt may take are taken")
    }

    /// Removes those that no attempt names.
    func sweep() throws {
        let homes = try Files.list(state.shortHomes)
        let temporaries = try Files.list(state.shortTemporaries)
        let named = Set(
            try Files.list(state.attempts).map { token in
                Files.name(of: Links.target("\(state.attempts)/\(token)/home"))
            })
        for name in homes where !named.contains(name) { try Files.remove(state.shortHome(name)) }
        for name in temporaries where !named.contains(name) {
            try Files.remove(state.shortTemporary(name))
        }
    }

    /// Removes those of an attempt, whose folder is to be removed next.
    func remove(of folder: AttemptFolder) {
        let name = Files.name(of: Links.target(folder.home))
        guard !name.isEmpty else { return }
        try? Files.remove(state.shortTemporary(name))
        try? Files.remove(state.shortHome(name))
    }

    private func link(_ path: String, to target: String) throws(SystemError) {
        try Files.remove(path)
        if symlink(target, path) != 0 { throw SystemError.last("cannot make \(path)") }
    }

    /// Parts of the token, then others: tokens are random, and so are their parts.
    private func candidates(_ folder: AttemptFolder) -> [String] {
        let text = Array(folder.token.text)
        let count = AgentLimits.shortNameBytes
        let parts = stride(from: 0, through: text.count - count, by: 1).map {
            String(text[$0..<$0 + count])
        }
        let others = (0..<AgentLimits.shortNameTries).map { _ in
            String(UInt16.random(in: 0x1000 ... .max), radix: 16)
        }
        return parts + others
    }
}
