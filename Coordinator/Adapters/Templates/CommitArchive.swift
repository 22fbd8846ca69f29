import BuildProtocol
import CoordinatorCore
import ProcessKit
import Support

/// One commit of a mirror, as an archive of its files.
struct CommitArchive: Sendable {
    let git: Git
    let address: GitAddress
    let mirror: String
    let commit: String

    /// More is refused, so that Git does not write it either.
    private static let limitBytes = Int64(ProtocolLimits.templateBytes) + 1 << 20

    /// - Parameters:
    ///   - paths: arguments for `git archive`; nothing for everything.
    ///   - prefix: a folder of the archive, with a slash at its end.
    ///   - output: a file that is made.
    /// - Throws: `TemplateFault`
    func write(
        _ paths: [String], prefix: String = "", withLFS hasLFS: Bool, to output: String
    ) async throws {
        // A build gets the files that a checkout has: `export-ignore` is for releases of software.
        try Files.makeFolder(mirror + "/info")
        try Files.replace(mirror + "/info/attributes", with: Array("* -export-ignore\n".utf8))
        try await git.run(
            ["--literal-pathspecs", "-C", mirror] + (hasLFS ? filters() : Self.noFilters)
                + ["archive", "--format=tar", "--prefix=\(prefix)", "--output", output, commit]
                + paths,
            to: "archive \(address.url) at \(commit)", at: hasLFS ? address : nil,
            limitBytes: Self.limitBytes, else: .unavailable)
        if hasLFS { await trimLFS() }
    }

    /// Settings by which Git asks Git LFS for the content of files. What the repository says of its
    /// server (`.lfsconfig`) is not believed: another server would be asked with its login.
    private func filters() throws(TemplateFault) -> [String] {
        let path = Command.minimalEnvironment["PATH"] ?? ""
        guard Command.find("git-lfs", path: path) != nil else {
            throw TemplateFault(
                "Git LFS is not installed on the coordinator's machine: apt install git-lfs")
        }
        let isWeb = address.url.hasPrefix("http://") || address.url.hasPrefix("https://")
        let name = address.url.hasSuffix("/") ? String(address.url.dropLast()) : address.url
        let server =
            isWeb ? name + (name.hasSuffix(".git") ? "" : ".git") + "/info/lfs" : address.url
        return [
            // For file: Git LFS looks at the remote only.
            "lfs.url=\(server)", "remote.origin.url=\(address.url)",
            "filter.lfs.process=git-lfs filter-process",
            "filter.lfs.required=true", "lfs.activitytimeout=\(git.access.limits.stallSeconds)",
        ].flatMap { ["-c", $0] }
    }

    /// The package of Git LFS sets its filters for the whole machine.
    private static let noFilters = [
        "filter.lfs.process=", "filter.lfs.smudge=", "filter.lfs.required=false",
    ].flatMap { ["-c", $0] }

    private func trimLFS() async {
        let folder = mirror + "/lfs"
        let limit = git.access.limits.keptLFSBytes
        try? await OwnThread.run {
            if DiskUsage(of: folder).bytes > limit { try Files.remove(folder) }
        }
    }
}
