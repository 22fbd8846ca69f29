import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support
import Templates
import TextKit

/// Appends the files of a commit's submodules to its archive, each at the commit that is named
/// there.
///
/// The coordinator's logins reach more repositories than whoever commits to one of them may read:
/// so a submodule is fetched only from beside the template's own repository, and from where the
/// administrator allows (`git.submodules`).
struct Submodules {
    private let mirrors: GitMirrors
    private let git: Git
    private let root: GitAddress
    private let hasLFS: Bool
    private var count = 0

    init(mirrors: GitMirrors, git: Git, root: GitAddress, _ hasLFS: Bool) {
        self.mirrors = mirrors
        self.git = git
        self.root = root
        self.hasLFS = hasLFS
    }

    /// - Parameters:
    ///   - paths: arguments for Git that name a part of the commit; nothing for all of it.
    ///   - folder: of the commit's files in the archive, with a slash at its end.
    /// - Throws: `TemplateFault`
    mutating func append(
        of parent: CommitArchive, under paths: [String] = [], in folder: String = "",
        depth: Int = 1, to output: String
    ) async throws {
        let links = try await links(of: parent, paths)
        if links.isEmpty { return }
        let addresses = try await addresses(of: parent)
        guard depth <= git.access.limits.submoduleDepth else {
            throw TemplateFault(
                "submodules are nested more than \(git.access.limits.submoduleDepth) deep, in "
                    + parent.address.url)
        }
        for (path, commit) in links {
            count += 1
            guard count <= git.access.limits.submodules else {
                throw TemplateFault(
                    "the template has more than \(git.access.limits.submodules) submodules")
            }
            guard let url = addresses[path] else {
                throw TemplateFault(
                    "\(parent.address.url) has the submodule \(Names.quoted(path)), but "
                        + ".gitmodules at \(parent.commit.prefix(12)) does not say where it is")
            }
            let address = try allowed(Self.resolved(url, from: parent.address.url), path)
            let archive = CommitArchive(
                git: git, address: address,
                mirror: try await mirrors.mirror(of: address, with: commit), commit: commit)
            let place = folder + path + "/"
            try await append(archive, in: place, to: output)
            try await append(of: archive, in: place, depth: depth + 1, to: output)
        }
    }

    private func append(
        _ archive: CommitArchive, in folder: String, to output: String
    ) async throws {
        let part = output + ".part"
        defer { try? Files.remove(part) }
        try await archive.write([], prefix: folder, withLFS: hasLFS, to: part)
        let bytes = [output, part].compactMap { Files.sizeBytes($0) }.reduce(0, +)
        guard bytes <= ProtocolLimits.templateBytes else {
            throw TemplateFault(
                "with the submodule \(Names.quoted(folder)), the template archive is larger than "
                    + "\(ProtocolLimits.templateBytes >> 20) MiB")
        }
        let result = try await Command(
            ["tar", "--concatenate", "--file", output, part],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: TemplateTar.timeoutSeconds)
        guard result.status.isSuccess else {
            throw TemplateFault(
                .unavailable,
                "cannot add the submodule \(Names.quoted(folder)): "
                    + TemplateTar.tail(result.stderrText))
        }
    }

    /// The submodules of a commit and the commits that it names of them.
    private func links(
        of parent: CommitArchive, _ paths: [String]
    ) async throws -> [(path: String, commit: String)] {
        let list = try await git.run(
            ["-C", parent.mirror, "ls-tree", "-r", "-z", parent.commit] + paths,
            to: "list the submodules of \(parent.address.url)", else: .unavailable)
        let kind = "160000 commit "
        return list.stdout.split(separator: 0).compactMap { bytes in
            let line = String(decoding: bytes, as: UTF8.self)
            guard line.hasPrefix(kind), let tab = line.utf8.firstIndex(of: UInt8(ascii: "\t"))
            else { return nil }
            let commit = String(line[line.utf8.index(line.startIndex, offsetBy: kind.count)..<tab])
            return (String(line[line.utf8.index(after: tab)...]), commit)
        }
    }

    /// What `.gitmodules` says, by path.
    private func addresses(of parent: CommitArchive) async throws -> [String: String] {
        let list = try await git.output(
            [
                "-C", parent.mirror, "config", "--blob", "\(parent.commit):.gitmodules", "--null",
                "--list",
            ])
        var values: [Substring: [Substring: String]] = [:]
        for bytes in list.stdout.split(separator: 0) {
            // submodule.<name>.<key>, a line feed, and the value.
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.utf8.firstIndex(of: UInt8(ascii: "\n")),
                let dot = text[..<end].utf8.lastIndex(of: UInt8(ascii: "."))
            else { continue }
            let key = text[text.utf8.index(after: dot)..<end]
            values[text[..<dot], default: [:]][key] = String(text[text.utf8.index(after: end)...])
        }
        return values.values.reduce(into: [:]) { addresses, value in
            if let path = value["path"], let url = value["url"] { addresses[path] = url }
        }
    }

    /// As Git resolves `../other.git`: from the address of the repository that names it.
    static func resolved(_ url: String, from parent: String) -> String {
        var rest = url[...]
        var base = parent[...]
        guard rest.hasPrefix("./") || rest.hasPrefix("../") else { return url }
        while base.hasSuffix("/") { base = base.dropLast() }
        while true {
            if rest.hasPrefix("./") {
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix("../") {
                rest = rest.dropFirst(3)
                base = base.lastIndex { $0 == "/" || $0 == ":" }.map { base[..<$0] } ?? base
            } else {
                return "\(base)/\(rest)"
            }
        }
    }

    private func allowed(_ url: String, _ path: String) throws(TemplateFault) -> GitAddress {
        let address = GitAddress(url)
        let isPlain = !url.hasPrefix("-") && !url.unicodeScalars.contains { $0.value < 0x20 }
        guard isPlain, address.credential == nil else {
            throw TemplateFault(
                "the submodule \(Names.quoted(path)) has an address that is not used: write it "
                    + "without user name and password")
        }
        let isAllowed =
            isBeside(address) || git.access.submodules.contains { address.isBelow($0) }
        guard isAllowed else {
            throw TemplateFault(
                "the submodule \(Names.quoted(path)) is at \(address.url), which is not beside "
                    + "\(root.url): the administrator of the coordinator can allow it under "
                    + "git.submodules in coordinator.yml")
        }
        return address
    }

    /// Whether it is in the folder that the template's repository is in.
    private func isBeside(_ address: GitAddress) -> Bool {
        guard let slash = root.url.utf8.lastIndex(of: UInt8(ascii: "/")) else { return false }
        let folder = String(root.url[...slash])
        if address.origin != nil { return address.isBelow(GitAddress(folder)) }
        // git@host:group/name, or a path of this machine.
        return root.origin == nil && address.url.hasPrefix(folder)
            && !address.url.pathSegments.contains { $0 == ".." || $0 == "." }
    }
}
