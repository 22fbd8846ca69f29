import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support
import TextKit

/// Mirrors of template repositories, and archives of their commits.
struct GitMirrors: Sendable {
    private let folder: String
    private let git: Git
    /// One fetch into a mirror at a time: concurrent ones would fail on Git's locks.
    private let fetches = Turns()

    /// Of the remote's `HEAD`, which names its default branch.
    private static let defaultBranch = "refs/aibuild/default"

    private static let hexDigits = Set("0123456789abcdefABCDEF".utf8)

    /// Commits that a build names.
    private static let subjects = 20

    /// - Throws: `SystemError` if the folder cannot be created.
    init(folder: String, git: Git) throws(SystemError) {
        self.folder = folder
        self.git = git
        try Files.makeFolder(folder, mode: 0o750)
    }

    /// Fetches the repository, and writes the files of a commit to a tar archive.
    /// - Parameters:
    ///   - ref: a branch, tag or commit; `TemplateSource.defaultRef` for the branch that the
    ///     repository names as its default.
    ///   - path: the folder of the template; `nil`: the whole repository.
    /// - Returns: the commit.
    /// - Throws: `TemplateFault`
    func archive(
        _ url: String, ref: String, _ path: String?, to output: String
    ) async throws -> String {
        guard !url.hasPrefix("-"), !url.utf8.contains(0), !url.isEmpty,
            !ref.hasPrefix("-"), !ref.utf8.contains(0), !ref.isEmpty
        else { throw TemplateFault("the Git address or ref is not valid") }
        let address = GitAddress(url)
        let mirror = mirror(of: url)
        Files.touch(mirror)
        let commit = try await fetches.run(mirror) {
            try await fetch(address, ref, into: mirror)
            let commit = try await self.commit(ref, address, mirror)
            // Otherwise the commits of every merge request would stay.
            if let request = Self.request(ref) {
                _ = try await git.output(["-C", mirror, "update-ref", "-d", request])
            }
            return commit
        }
        let folder = RepositoryFolder(
            git: git, mirror: mirror, commit: commit, path: path, url: address.url)
        let content = try await folder.content()
        let archive = CommitArchive(git: git, address: address, mirror: mirror, commit: commit)
        try await archive.write(content.paths, withLFS: content.hasLFS, to: output)
        if content.hasSubmodules {
            var submodules = Submodules(mirrors: self, git: git, root: address, content.hasLFS)
            try await submodules.append(of: archive, under: content.paths, to: output)
        }
        return commit
    }

    /// Fetches a repository unless its mirror has the commit already.
    /// - Returns: the mirror's folder.
    func mirror(of address: GitAddress, with commit: String) async throws -> String {
        let mirror = mirror(of: address.url)
        try await fetches.run(mirror) {
            if Files.exists(mirror), try await resolve(commit, mirror) != nil { return }
            try await fetch(address, commit, into: mirror)
            if try await resolve(commit, mirror) != nil { return }
            // On no branch: many servers give it by its name.
            do {
                try await fetch(
                    ["-C", mirror, "fetch", "--quiet", "--no-tags", address.url, commit], address,
                    mirror)
            } catch is TemplateFault {}
            if try await resolve(commit, mirror) != nil { return }
            throw TemplateFault("\(address.url) does not have the commit \(commit.prefix(12))")
        }
        Files.touch(mirror)
        return mirror
    }

    /// Whether any of the paths differs between two commits of a repository that was fetched.
    /// - Parameters:
    ///   - atMergeBase: compares with the commit where both parted.
    ///   - paths: from the root; Git's patterns, and folders for all that is in them.
    /// - Returns: true also if one of the commits is gone.
    func isChanged(
        _ url: String, from old: String, to new: String, atMergeBase: Bool = false,
        _ paths: [String]
    ) async throws -> Bool {
        let mirror = mirror(of: url)
        let result = try await git.output(
            [
                "--glob-pathspecs", "-C", mirror, "diff", "--quiet", "--no-ext-diff",
                "--no-textconv",
            ] + (atMergeBase ? ["--merge-base"] : [])
                + ["--end-of-options", old, new, "--"] + paths)
        return result.status != .exited(0)
    }

    /// The subjects of the commits after one, newest first.
    /// - Returns: none if one of the commits is gone.
    func subjects(_ url: String, from old: String, to new: String) async throws -> [String] {
        let result = try await git.output(
            [
                "-C", mirror(of: url), "log", "--no-show-signature", "--format=%s",
                "--max-count=\(Self.subjects)", "--end-of-options", "\(old)..\(new)",
            ])
        guard result.status.isSuccess else { return [] }
        return result.stdoutText.lines.map { $0.visible.prefixOfUTF8(200) }
            .filter { !$0.isEmpty }
    }

    private func mirror(of url: String) -> String {
        "\(folder)/\(SHA256.hex(url.utf8).prefix(32))"
    }

    private func fetch(_ address: GitAddress, _ ref: String, into mirror: String) async throws {
        if !Files.exists(mirror) {
            try await git.run(
                ["init", "--quiet", "--bare", mirror], to: "make a mirror of \(address.url)",
                else: .unavailable)
        }
        let begin = ["-C", mirror, "fetch", "--quiet", "--force", "--no-tags"]
        if let place = Self.place(of: ref) {
            // A repository may have thousands of branches, most of them of no template.
            do {
                return try await fetch(begin + [address.url, "+\(ref):\(place)"], address, mirror)
            } catch let fault as TemplateFault
                where Self.request(ref) == nil
                && fault.description.contains("couldn't find remote ref")
            {
                // Gone, or never there. Below is found what else it may mean, and what there is.
                _ = try? await git.run(
                    ["-C", mirror, "update-ref", "-d", place], to: "forget \(ref)")
            }
        }
        // A commit is not asked for by its name: servers give it also if only a stranger's merge
        // request has it.
        try await fetch(
            begin + ["--prune", address.url]
                + ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"], address, mirror)
    }

    private func fetch(
        _ command: [String], _ address: GitAddress, _ mirror: String
    ) async throws {
        let limit = git.access.limits.fileBytes
        do {
            try await git.run(
                command, to: "fetch \(address.url)", at: address, limitBytes: limit,
                else: .unavailable)
        } catch {
            // What a program that was killed has received so far, each time anew.
            let packs = mirror + "/objects/pack"
            let parts = ((try? Files.list(packs)) ?? []).filter { $0.hasPrefix("tmp_") }
                .map { "\(packs)/\($0)" }
            let isTooLarge = parts.contains { Files.sizeBytes($0) ?? 0 >= limit }
            for part in parts { try? Files.remove(part) }
            guard isTooLarge else { throw error }
            throw TemplateFault(
                "cannot fetch \(address.url): its history has more than \(limit >> 20) MiB, which "
                    + "the coordinator does not take: begin a new one without the large files")
        }
    }

    private func commit(
        _ ref: String, _ address: GitAddress, _ mirror: String
    ) async throws -> String {
        let isDefault = ref == TemplateSource.defaultRef
        if let place = Self.place(of: ref), let commit = try await resolve(place, mirror) {
            return commit
        }
        if !isDefault, let commit = try await resolve(ref, mirror) { return commit }
        let branches = try await git.run(
            [
                "-C", mirror, "for-each-ref", "--count=6", "--format=%(refname:lstrip=2)",
                "refs/heads",
            ], to: "list the branches of \(address.url)"
        ).stdoutText.lines.map(String.init)
        if branches.isEmpty {
            throw TemplateFault(
                .unavailable, "\(address.url) has no branch yet: push the template to it first")
        }
        if isDefault, branches.count == 1,
            let commit = try await resolve("refs/heads/\(branches[0])", mirror)
        {
            return commit
        }
        let known = branches.prefix(5).joined(separator: ", ") + (branches.count > 5 ? ", …" : "")
        throw TemplateFault(
            isDefault
                ? "\(address.url) has no default branch: name one with --ref; there is \(known)"
                : "cannot find '\(ref)' in \(address.url): its branches are \(known)")
    }

    /// Where the mirror keeps what a ref names on the server; `nil` if the server cannot be asked
    /// for it: a commit, or an expression such as `main~1`.
    private static func place(of ref: String) -> String? {
        if ref == TemplateSource.defaultRef { return defaultBranch }
        if let request = request(ref) { return request }
        let isCommit =
            [40, 64].contains(ref.utf8.count) && ref.utf8.allSatisfy(Self.hexDigits.contains)
        let isPlain = !ref.utf8.contains { $0 <= 0x20 || ":^~?*[\\@{".utf8.contains($0) }
        guard isPlain, !isCommit else { return nil }
        return "refs/aibuild/named/" + SHA256.hex(ref.utf8).prefix(16)
    }

    /// Where the mirror keeps a ref that is neither a branch nor a tag, such as
    /// `refs/pull/7/head`; `nil` for others.
    private static func request(_ ref: String) -> String? {
        let isUsual = ["refs/heads/", "refs/tags/"].contains { ref.utf8.starts(with: $0.utf8) }
        guard ref.utf8.starts(with: "refs/".utf8), !isUsual else { return nil }
        return "refs/aibuild/requests/" + SHA256.hex(ref.utf8).prefix(16)
    }

    private func resolve(_ name: String, _ mirror: String) async throws -> String? {
        let result = try await git.output(
            [
                "-C", mirror, "rev-parse", "--verify", "--quiet", "--end-of-options",
                name + "^{commit}",
            ])
        return result.status.isSuccess ? result.stdoutText.trimmingNewline : nil
    }
}
