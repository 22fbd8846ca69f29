public import BuildProtocol
public import CoordinatorCore
import ProcessKit
import Support

/// The web root as a folder: `images/build/<guest OS>/` contains the images, each with its log and
/// `build.json`, and one `SHA256SUMS`; `images/release/<guest OS>/` those that passed their tests.
/// Incoming files have names that begin with a dot and end in `.part`, and `.epoch` has the newest
/// lease epoch that has written here; the server never shows such names.
public actor FolderWebRoot: WebRoot {
    public nonisolated let folder: String
    private let baseURL: String
    private let logPath: @Sendable (AttemptToken) -> String
    private let executor = QueueExecutor(label: "aibuild.webroot")
    /// By folder.
    private var sums: [String: ChecksumFile] = [:]
    private static let checksumFiles = 256
    private var leadership: WebRootLeadership

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// - Parameters:
    ///   - baseURL: precedes `/images/…` in the URLs of images.
    ///   - logPath: the path of an attempt's log, which is published beside its image.
    /// - Throws: `WebRootFault` if the folder cannot be created or written.
    public init(
        folder: String, baseURL: String, logPath: @escaping @Sendable (AttemptToken) -> String
    ) throws {
        self.folder = folder
        leadership = WebRootLeadership(folder: folder)
        self.baseURL = baseURL
        self.logPath = logPath
        do {
            try Files.makeFolder(folder + "/images/build")
            try Files.makeFolder(folder + "/images/release")
            let probe = folder + "/images/build/.probe.part"
            try Files.replace(probe, with: [])
            try Files.remove(probe)
        } catch {
            throw WebRootFault(error, folder)
        }
    }

    public func lead(_ epoch: LeaseEpoch) throws { try leadership.lead(epoch) }

    public func freeBytes() throws -> Int64 { try WebRootRoom(folder: folder).freeBytes() }

    public func makeFolder(ofGuestOS name: String) throws {
        let place = "\(folder)/images/build/\(Names.fileName(of: name))"
        do { try Files.makeFolder(place) } catch { throw WebRootFault(error, place) }
    }

    public func incoming(
        _ artifact: Artifact, of attempt: AttemptToken
    ) throws -> any IncomingFile {
        try artifact.checkNames()
        do {
            return try IncomingArtifact(artifact, path: partPath(artifact.name, attempt))
        } catch let error as SystemError {
            throw WebRootFault(error, partPath(artifact.name, attempt))
        }
    }

    /// `.part` files of all builds are in one folder on the images' file system, so that a sweep
    /// finds them all.
    private func partPath(_ name: String, _ attempt: AttemptToken) -> String {
        "\(folder)/images/build/.\(attempt.text)-\(SHA256.hex(name.utf8).prefix(16)).part"
    }

    public func publish(_ publication: Publication) throws -> PublishedImage {
        do { return try move(publication) } catch let error as SystemError {
            throw WebRootFault(error, folder)
        }
    }

    private func move(_ publication: Publication) throws -> PublishedImage {
        let build = publication.build
        try Publication.check(publication.artifacts, of: build)
        let relative = "images/build/\(build.folderName)"
        let place = "\(folder)/\(relative)"
        let published = try move(publication, to: relative) { artifact, _ in
            partPath(artifact.name, publication.attempt)
        }
        try PublishedLog.copy(
            logPath(publication.attempt), to: "\(place)/\(build.imageName).log.ndjson")
        try Files.replace("\(place)/\(build.imageName).build.json", with: publication.record)
        try changeSums(place, added: published.sums)
        return published.image
    }

    /// Renames each artifact to its published name in a folder.
    ///
    /// - Parameter source: its current path, by its published name.
    private func move(
        _ publication: Publication, to relative: String, from source: (Artifact, String) -> String
    ) throws -> (image: PublishedImage, sums: [(name: String, sha256: String)]) {
        let place = "\(folder)/\(relative)"
        try Files.makeFolder(place)
        var sums: [(name: String, sha256: String)] = []
        var main: PublishedImage?
        for (index, artifact) in publication.artifacts.enumerated() {
            let name = artifact.publishedName(
                at: index, imageName: publication.build.imageName)
            let part = source(artifact, name)
            if Files.exists(part) {
                try Files.rename(part, to: "\(place)/\(name)")
            } else if try !exists("\(place)/\(name)", artifact) {
                throw Fault(
                    .infrastructure, .publishFailed,
                    "\(part) was removed by others before it was published")
            }
            sums.append((name, artifact.sha256))
            if main == nil {
                let path = "\(relative)/\(name)"
                main = PublishedImage(
                    name: name, path: path, url: url(ofPath: path),
                    sizeBytes: artifact.sizeBytes, sha256: artifact.sha256,
                    format: artifact.format, virtualSizeBytes: artifact.virtualSizeBytes,
                    attempt: publication.attempt)
            }
        }
        guard let main else { throw WebRootFault("nothing to publish") }
        return (main, sums)
    }

    public nonisolated func url(ofPath path: String) -> String { "\(baseURL)/\(path)" }

    public func promote(_ publication: Publication) throws -> PublishedImage {
        do { return try moveTested(publication) } catch let error as SystemError {
            throw WebRootFault(error, folder)
        }
    }

    /// Every file is in one of two places, so that a crash between any two steps is fixed by
    /// repeating them. The record is moved last: `latest.json` names only complete images.
    private func moveTested(_ publication: Publication) throws -> PublishedImage {
        let build = publication.build
        let old = "\(folder)/images/build/\(build.folderName)"
        let relative = "images/release/\(build.folderName)"
        let place = "\(folder)/\(relative)"
        let moved = try move(publication, to: relative) { artifact, name in
            // A VHD was published as a companion file before aibuild knew QEMU's name for the
            // format.
            let companion = "\(old)/\(build.imageName)-\(artifact.name)"
            return Files.exists(companion) ? companion : "\(old)/\(name)"
        }
        try changeSums(place, added: moved.sums)
        for name in ["\(build.imageName).log.ndjson", "\(build.imageName).build.json"]
        where Files.exists("\(old)/\(name)") {
            try Files.rename("\(old)/\(name)", to: "\(place)/\(name)")
        }
        try changeSums(old, removed: moved.sums.map(\.name))
        try LatestImage.renew(place, url: url(ofPath: relative))
        return moved.image
    }

    /// After a crash between the rename and the row, the file exists and belongs to this attempt.
    private func exists(_ path: String, _ artifact: Artifact) throws -> Bool {
        guard Files.sizeBytes(path) == artifact.sizeBytes else { return false }
        return try SHA256.file(path) == artifact.sha256
    }

    private func changeSums(
        _ place: String, added: [(name: String, sha256: String)] = [], removed: [String] = []
    ) throws(SystemError) {
        var file = sums[place] ?? ChecksumFile(place)
        // Few are in use at once; one that is not here is read again.
        if sums.count >= Self.checksumFiles { sums.removeAll() }
        defer { sums[place] = file }
        try file.change(added: added, removed: removed)
    }

    public func withdraw(_ attempt: AttemptToken, of build: Build) throws {
        do { try remove(attempt, build) } catch { throw WebRootFault(error, folder) }
    }

    private func remove(_ attempt: AttemptToken, _ build: Build) throws(SystemError) {
        let incoming = folder + "/images/build"
        for name in try Files.list(incoming) where name.hasPrefix(".\(attempt.text)-") {
            try Files.remove("\(incoming)/\(name)")
        }
        try removePublished("images/build/\(build.folderName)", attempt, build)
        try removePublished("images/release/\(build.folderName)", attempt, build)
    }

    private func removePublished(
        _ relative: String, _ attempt: AttemptToken, _ build: Build
    ) throws(SystemError) {
        let place = "\(folder)/\(relative)"
        guard Files.exists(place) else { return }
        let record = "\(place)/\(build.imageName).build.json"
        // The record is written last: if it is missing, a publication was interrupted.
        if Files.exists(record) {
            // One that is too long is none of ours: what it stands for was never complete.
            let text = try Files.readIfBounded(record, limitBytes: Publication.recordBytes)
            if let text, !String(decoding: text, as: UTF8.self).contains(attempt.text) { return }
        }
        let published = try Files.list(place).filter {
            $0.hasPrefix(build.imageName + ".") || $0.hasPrefix(build.imageName + "-")
        }
        // Most failed attempts have published nothing; they must not wait for a full disk.
        if published.isEmpty { return }
        try Files.remove(record)
        // Before the image is removed, so that `latest.json` never names a missing file.
        try LatestImage.renew(place, url: url(ofPath: relative))
        for name in published { try Files.remove("\(place)/\(name)") }
        try changeSums(place, removed: published)
    }

    public func file(of image: PublishedImage) throws -> String {
        let path = "\(folder)/\(image.path)"
        guard Files.sizeBytes(path) == image.sizeBytes else {
            throw WebRootFault(
                "\(path) is missing or was changed after its publication: build the image again")
        }
        return path
    }

    public func remove(_ build: Build) throws {
        do { try hide(build) } catch { throw WebRootFault(error, folder) }
    }

    /// Hides the files first, then removes them from `SHA256SUMS`, then deletes them: a reader
    /// never finds a digest without its file, and files left by a crash have names that the next
    /// sweep removes.
    private func hide(_ build: Build) throws(SystemError) {
        for relative in ["build", "release"].map({ "images/\($0)/\(build.folderName)" })
        where Files.exists("\(folder)/\(relative)") {
            let place = "\(folder)/\(relative)"
            let names = try Files.list(place).filter {
                $0.hasPrefix(build.imageName + ".") || $0.hasPrefix(build.imageName + "-")
            }
            for name in names {
                // A digest: with more around it, a long name might become too long.
                let hidden = "\(Self.hidden)\(SHA256.hex(name.utf8).prefix(32)).part"
                try Files.rename("\(place)/\(name)", to: "\(place)/\(hidden)")
            }
            try changeSums(place, removed: names)
            if !names.isEmpty { try LatestImage.renew(place, url: url(ofPath: relative)) }
            for name in try Files.list(place)
            where name.hasPrefix(Self.hidden) || name.hasPrefix(".\(build.imageName)") {
                try Files.remove("\(place)/\(name)")
            }
        }
    }

    /// Files that are being removed.
    private static let hidden = ".removed-"

    public func sweep(keeping living: Set<AttemptToken>) throws {
        var failure: (any Error)?
        // One file that cannot be removed must not keep the others.
        func remove(_ path: String) {
            do { try Files.remove(path) } catch { failure = failure ?? error }
        }
        let place = folder + "/images/build"
        let names = try Files.list(place).map { "\(place)/\($0)" }
        for path in names where Files.name(of: path).hasSuffix(".part") {
            let name = Files.name(of: path).dropFirst()
            if let token = AttemptToken(String(name.prefix(32))), living.contains(token) {
                continue
            }
            remove(path)
        }
        let tested = folder + "/images/release"
        let folders = names + (try Files.list(tested).map { "\(tested)/\($0)" })
        for folder in folders where Files.kind(folder) == .folder {
            // Copies of logs and replacements that a crash interrupted; each is made again.
            let names: [String]
            do { names = try Files.list(folder) } catch {
                failure = failure ?? error
                continue
            }
            for name in names where name.hasPrefix(".") && name.hasSuffix(".part") {
                remove("\(folder)/\(name)")
            }
        }
        if let failure { throw failure }
    }
}
