public import BuildProtocol
public import CoordinatorCore
import Glibc
import Support
import Templates
import TextKit

/// Template archives on the coordinator's disk, named by their SHA-256; made from folders by `tar`
/// and from Git repositories by `git archive`. Hosts need no Git credentials.
public actor TemplateArchives: TemplateLibrary {
    private typealias ReadImages = TemplateSet<Result<ReadTemplate, TemplateFault>>

    private let folder: String
    private let mirrors: GitMirrors
    private let checksums: ChecksumReader
    /// What was read of each archive, by digest.
    private var known: [TemplateArchive: ReadImages] = [:]
    /// Archives of folders, by path, with the stamp of the archived state.
    private var archived: [String: (stamp: String, archive: TemplateArchive)] = [:]
    private static let knownTemplates = 1024
    /// A key that verifies a signature.
    private static let contentBytes = 1 << 20
    private struct OutputsKey: Hashable {
        let archive: TemplateArchive
        let guestOS: String
    }

    /// The templates under `output/` of archives: each view of a build needs them.
    private var knownOutputs: [OutputsKey: [(name: String, template: OutputTemplate)]] = [:]
    /// Of which at most this many are kept, and none with more text.
    private static let keptOutputBytes = 256 << 10
    private static let keptOutputs = 256
    private let executor = QueueExecutor(label: "aibuild.templates")

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// - Throws: `SystemError` if the folder cannot be created.
    public init(
        folder: String, access: GitAccess = GitAccess(),
        checksums: ChecksumReader = ChecksumReader()
    ) throws {
        self.folder = folder
        self.checksums = checksums
        mirrors = try GitMirrors(
            folder: folder + "/git", git: Git(home: folder, access: access))
    }

    public nonisolated func path(of archive: TemplateArchive) throws -> String {
        let path = "\(folder)/\(archive.sha256).tar"
        guard Names.isSHA256(archive.sha256), Files.sizeBytes(path) == archive.sizeBytes else {
            throw TemplateFault(
                .unavailable,
                "the template archive \(archive.sha256) is not here any more; submit a new build")
        }
        return path
    }

    public func restore(_ plan: BuildPlan, of guestOS: GuestOS) async throws {
        do { _ = try path(of: plan.template) } catch {
            guard case .git(let url, _) = guestOS.template, let commit = plan.commit else {
                throw error
            }
            let (made, _) = try await archive(git: url, ref: commit, plan.template.folder)
            guard made == plan.template else {
                throw TemplateFault(
                    "\(commit.prefix(12)) of \(GitAddress(url).url) does not give the template "
                        + "that the build had (a submodule, a file of LFS or the repository was "
                        + "changed); submit a new build")
            }
        }
        Files.touch("\(folder)/\(plan.template.sha256).tar")
    }

    /// At most 1 MiB of the archive from `offset`; empty at its end.
    public func read(_ archive: TemplateArchive, from offset: Int64) throws -> [UInt8] {
        let file = try Descriptor(path(of: archive), O_RDONLY)
        return try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    public func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan {
        let (archive, commit) = try await newest(guestOS)
        let template = try await read(archive, guestOS.template).image(ofGuestOS: guestOS.name)
            .get()
        let file = template.file
        var recipe = try await checksums.resolve(file, folder: folder) {
            try await content(of: $0, in: archive)
        }
        if recipe.jenkins != nil {
            recipe.jenkins = JenkinsEnvironment(
                commit: commit ?? archive.sha256,
                isosURL: guestOS.baseISO.isEmpty ? nil : guestOS.baseISO)
        }
        var plan = BuildPlan(
            template: archive, commit: commit, recipe: recipe,
            requirements: file.requirements, limits: file.limits, concurrency: file.concurrency,
            tests: file.tests, release: file.release)
        try template.complete(&plan, variables: guestOS.variables, startedBy: kind)
        return plan
    }

    private func newest(_ guestOS: GuestOS) async throws -> (TemplateArchive, String?) {
        let (archive, commit) =
            switch guestOS.template {
            case .folder(let path): (try await archive(folder: path), nil as String?)
            case .git(let url, let ref):
                try await archive(git: url, ref: ref, guestOS.templatePath)
            case .missing:
                throw TemplateFault(
                    "the template of \(guestOS.name) is not known yet: set it with "
                        + "aibuild guestos change \(guestOS.name) --git URL (or --template "
                        + "FOLDER), or in the column 'template' of the sheet guestos")
            }
        Files.touch("\(folder)/\(archive.sha256).tar")
        return (archive, commit)
    }

    public func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?) {
        let (archive, commit) = try await newest(guestOS)
        let file = try await read(archive, guestOS.template).image(ofGuestOS: guestOS.name).get()
            .file
        return (file.triggers, commit)
    }

    public func mark(of watch: Watch) async throws -> String {
        try await sight(of: watch, since: nil).mark
    }

    public func sight(of watch: Watch, since old: String?) async throws -> WatchSight {
        switch watch {
        case .baseImage(let watch):
            WatchSight(since: old, mark: try await checksums.mark(of: watch))
        case .packages(let watch):
            try await PackageIndexes(fetch: checksums.packageMetadata).sight(of: watch, since: old)
        }
    }

    public func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool {
        guard case .git(let url, _) = guestOS.template, let new = plan.commit else { return true }
        let file = try await read(plan.template, guestOS.template)
            .image(ofGuestOS: guestOS.name).get().file
        let folder = guestOS.templatePath
        let paths = file.paths ?? folder.map { [$0] + file.include } ?? []
        if paths.isEmpty { return true }
        let resolved = paths.map { path in
            path == folder ? path : IncludedPath.resolved(path, in: folder ?? "") ?? path
        }
        return try await mirrors.isChanged(
            url, from: old, to: new, atMergeBase: asMergeRequest, resolved)
    }

    public func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String] {
        guard case .git(let url, _) = guestOS.template, let new = plan.commit, let old else {
            return []
        }
        return try await mirrors.subjects(url, from: old, to: new)
    }

    public func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers {
        try await read(plan.template, guestOS.template).image(ofGuestOS: guestOS.name).get()
            .file.triggers
    }

    public func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) throws {
        try TemplateSweep(folder: folder, nowMilliseconds: nowMilliseconds).run(keeping: digests)
    }

    public func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)] {
        let path = try path(of: archive)
        let key = OutputsKey(archive: archive, guestOS: guestOS)
        if let known = knownOutputs[key] { return known }
        // An earlier version may have taken what this one refuses, and knew one folder only.
        let image = try? await read(archive, .missing).image(ofGuestOS: guestOS).get()
        let (files, bytes) = try await OwnThread.run {
            try TemplateOutputs.read(
                TemplateFiles(path: path, folder: archive.folder), in: image?.file.outputs)
        }
        guard bytes <= Self.keptOutputBytes else { return files }
        if knownOutputs.count >= Self.keptOutputs { knownOutputs.removeAll() }
        knownOutputs[key] = files
        return files
    }

    // MARK: Making archives

    private func archive(folder path: String) async throws -> TemplateArchive {
        let stamp = try TemplateFolder(path: path).stamp()
        if let last = archived[path], last.stamp == stamp, (try? self.path(of: last.archive)) != nil
        {
            return last.archive
        }
        let archive = try await making { output in
            try await TemplateTar.archive(folder: path, to: output)
        }
        if archived.count >= Self.knownTemplates { archived.removeAll() }
        archived[path] = (stamp, archive)
        return archive
    }

    private func archive(
        git url: String, ref: String, _ path: String?
    ) async throws -> (TemplateArchive, String?) {
        var commit = ""
        var archive = try await making { output in
            commit = try await self.mirrors.archive(url, ref: ref, path, to: output)
        }
        archive.folder = path
        return (archive, commit)
    }

    private func making(_ body: (String) async throws -> Void) async throws -> TemplateArchive {
        let temporary = "\(folder)/.\(UInt64.random(in: .min ... .max)).part"
        defer { try? Files.remove(temporary) }
        try await body(temporary)
        return try await keep(temporary)
    }

    private func keep(_ temporary: String) async throws -> TemplateArchive {
        let size = Files.sizeBytes(temporary) ?? 0
        guard size <= ProtocolLimits.templateBytes else {
            throw TemplateFault(
                "the template archive is larger than \(ProtocolLimits.templateBytes >> 20) MiB")
        }
        let sha256 = try await OwnThread.run { try SHA256.file(temporary) }
        let archive = TemplateArchive(sha256: sha256, sizeBytes: size)
        let path = "\(folder)/\(sha256).tar"
        if Files.sizeBytes(path) != size {
            try Descriptor(temporary, O_RDONLY).sync()
            try Files.rename(temporary, to: path)
        }
        return archive
    }

    // MARK: Reading archives

    private func read(
        _ archive: TemplateArchive, _ source: TemplateSource
    ) async throws -> ReadImages {
        let what =
            switch source {
            case .folder(let path): path
            case .git(let url, let ref):
                ref == TemplateSource.defaultRef
                    ? GitAddress(url).url : "\(GitAddress(url).url) at \(ref)"
            case .missing: ""
            }
        if let template = known[archive] { return template }
        var isFromGit = false
        if case .git = source { isFromGit = true }
        let template = try await ReadTemplate.all(
            archive: "\(folder)/\(archive.sha256).tar", folder: archive.folder,
            isFromGit: isFromGit, what)
        // Messages about it name its source.
        if source == .missing { return template }
        if known.count >= Self.knownTemplates { known.removeAll() }
        known[archive] = template
        return template
    }

    /// `nil` if the archive has no such file.
    private func content(
        of name: String, in archive: TemplateArchive
    ) async throws -> [UInt8]? {
        let files = TemplateFiles(
            path: "\(folder)/\(archive.sha256).tar", folder: archive.folder)
        return try await OwnThread.run {
            try files.read(limitBytes: Self.contentBytes) { $0 == name }.first?.bytes
        }
    }
}
