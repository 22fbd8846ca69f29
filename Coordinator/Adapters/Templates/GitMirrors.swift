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
        // A build gets the files that a checkout has: `export-ignore` is for releases of software.
        try Files.makeFolder(mirror + "/info")
        try Files.replace(mirror + "/info/attributes", with: Array("* -export-ignore\n".utf8))
        let folder = RepositoryFolder(
            git: git, mirror: mirror, commit: commit, path: path, url: address.url)
        try await git.run(
            ["--literal-pathspecs", "-C", mirror, "archive", "--format=tar", "--output", output]
                + [commit] + folder.paths(),
            to: "archive \(address.url) at \(commit)", else: .unavailable)
        return commit
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
        // Everything is fetched, so that any branch, tag or commit can be resolved. What a merge
        // request brings is none of these.
        let request = Self.request(ref)
        let command =
            ["-C", mirror, "fetch", "--quiet", "--prune", "--force", "--no-tags", address.url]
            + ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
            + (request.map { ["+\(ref):\($0)"] } ?? [])
        let what = "fetch \(address.url)"
        guard ref == TemplateSource.defaultRef else {
            try await git.run(command, to: what, at: address, else: .unavailable)
            return
        }
        do {
            try await git.run(
                command + ["+HEAD:\(Self.defaultBranch)"], to: what, at: address,
                else: .unavailable)
        } catch let fault as TemplateFault
            where fault.description.contains("couldn't find remote ref HEAD")
        {
            // Its default branch does not exist, or there is nothing in it.
            try await git.run(command, to: what, at: address, else: .unavailable)
            _ = try? await git.run(
                ["-C", mirror, "update-ref", "-d", Self.defaultBranch], to: "forget the default")
        }
    }

    private func commit(
        _ ref: String, _ address: GitAddress, _ mirror: String
    ) async throws -> String {
        let isDefault = ref == TemplateSource.defaultRef
        let name = isDefault ? Self.defaultBranch : Self.request(ref) ?? ref
        if let commit = try await resolve(name, mirror) { return commit }
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
