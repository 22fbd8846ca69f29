public import BuildProtocol

/// A web root in memory, for tests and simulations; behaves like a folder.
public actor InMemoryWebRoot: WebRoot {
    private enum Stage: String { case build, release }

    /// One published file, under its path in the web root.
    private struct File {
        var artifact: Artifact
        var bytes: [UInt8]
        var attempt: AttemptToken
    }

    private struct Part: Hashable {
        var attempt: AttemptToken
        var name: String
    }

    private let baseURL: String
    private let capacityBytes: Int64
    private let sha256: @Sendable ([UInt8]) -> String
    private var files: [String: File] = [:]
    /// By folder and image name.
    private var pathsOfImage: [String: Set<String>] = [:]
    private var usedBytes: Int64 = 0
    private var epoch: Int64 = 0
    private var parts: [Part: [UInt8]] = [:]

    /// - Parameter sha256: the digest that agents compute as well.
    public init(
        baseURL: String = "http://farm", capacityBytes: Int64 = 1 << 40,
        sha256: @escaping @Sendable ([UInt8]) -> String
    ) {
        self.baseURL = baseURL
        self.capacityBytes = capacityBytes
        self.sha256 = sha256
    }

    /// Paths of all published files, in order.
    public var paths: [String] { files.keys.sorted() }

    /// The file at this path below the web root.
    public func content(ofPath path: String) -> [UInt8]? { files[path]?.bytes }

    /// Attempts that have incoming files.
    public var incomingAttempts: Set<AttemptToken> { Set(parts.keys.map(\.attempt)) }

    public func lead(_ new: LeaseEpoch) throws {
        guard new.number >= epoch else { throw StoreError.deposed(webRootEpoch: epoch) }
        epoch = new.number
    }

    public func freeBytes() -> Int64 { capacityBytes - usedBytes }

    public func makeFolder(ofGuestOS name: String) {}

    public func incoming(
        _ artifact: Artifact, of attempt: AttemptToken
    ) throws -> any IncomingFile {
        try artifact.checkNames()
        parts[Part(attempt: attempt, name: artifact.name), default: []] += []
        return InMemoryIncomingFile(root: self, artifact: artifact, attempt: attempt)
    }

    public func publish(_ publication: Publication) throws -> PublishedImage {
        try Publication.check(publication.artifacts, of: publication.build)
        for (artifact, path) in paths(of: publication, .build) {
            let part = Part(attempt: publication.attempt, name: artifact.name)
            if let bytes = parts.removeValue(forKey: part) {
                let file = File(
                    artifact: artifact, bytes: bytes, attempt: publication.attempt)
                place(file, at: path, .build, publication.build)
            } else {
                try check(path, artifact)
            }
        }
        return try image(publication, .build)
    }

    public func promote(_ publication: Publication) throws -> PublishedImage {
        let old = paths(of: publication, .build)
        for ((artifact, path), (_, source)) in zip(paths(of: publication, .release), old) {
            if let file = files[source] {
                place(nil, at: source, .build, publication.build)
                place(file, at: path, .release, publication.build)
            } else {
                try check(path, artifact)
            }
        }
        return try image(publication, .release)
    }

    public nonisolated func url(ofPath path: String) -> String { "\(baseURL)/\(path)" }

    public func withdraw(_ attempt: AttemptToken, of build: Build) {
        parts = parts.filter { $0.key.attempt != attempt }
        removeFiles(of: build) { $0.attempt == attempt }
    }

    public func remove(_ build: Build) { removeFiles(of: build) { _ in true } }

    public func file(of image: PublishedImage) throws -> String {
        guard files[image.path]?.artifact.sizeBytes == image.sizeBytes else {
            throw WebRootFault(
                "\(image.path) is missing or was changed after its publication: build the image "
                    + "again"
            )
        }
        return "/\(image.path)"
    }

    public func sweep(keeping living: Set<AttemptToken>) {
        parts = parts.filter { living.contains($0.key.attempt) }
    }

    // MARK: Incoming files

    func missingRanges(_ artifact: Artifact, of attempt: AttemptToken) -> [Range<Int64>] {
        let bytes = parts[Part(attempt: attempt, name: artifact.name), default: []]
        return artifact.missingRanges(presentBytes: Int64(bytes.count)) { index, range in
            sha256(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
                == artifact.chunkSHA256[index]
        }
    }

    /// A file that was withdrawn or swept meanwhile is not recreated.
    func write(
        _ new: [UInt8], at offset: Int, _ artifact: Artifact, of attempt: AttemptToken
    ) {
        let part = Part(attempt: attempt, name: artifact.name)
        guard let count = parts[part]?.count else { return }
        let end = offset + new.count
        parts[part]? += Array(repeating: 0, count: max(0, end - count))
        parts[part]?.replaceSubrange(offset..<end, with: new)
    }

    func verify(_ artifact: Artifact, of attempt: AttemptToken) -> Bool {
        let part = Part(attempt: attempt, name: artifact.name)
        guard let bytes = parts[part] else { return false }
        if bytes.count == artifact.sizeBytes, sha256(bytes) == artifact.sha256 { return true }
        parts[part] = nil
        return false
    }

    // MARK: Published files

    private func place(_ file: File?, at path: String, _ stage: Stage, _ build: Build) {
        usedBytes &-= files[path]?.artifact.sizeBytes ?? 0
        usedBytes &+= file?.artifact.sizeBytes ?? 0
        files[path] = file
        if file == nil {
            pathsOfImage[image(stage, build)]?.remove(path)
        } else {
            pathsOfImage[image(stage, build), default: []].insert(path)
        }
    }

    private func image(_ stage: Stage, _ build: Build) -> String {
        "\(folder(stage, build))/\(build.imageName)"
    }

    private func folder(_ stage: Stage, _ build: Build) -> String {
        "images/\(stage.rawValue)/\(build.folderName)"
    }

    private func paths(
        of publication: Publication, _ stage: Stage
    ) -> [(artifact: Artifact, path: String)] {
        publication.artifacts.enumerated().map { index, artifact in
            let name = artifact.publishedName(
                at: index, imageName: publication.build.imageName)
            return (artifact, "\(folder(stage, publication.build))/\(name)")
        }
    }

    /// After a crash between the move and the row, the file exists and belongs to this attempt.
    private func check(_ path: String, _ artifact: Artifact) throws {
        guard files[path]?.artifact.sha256 == artifact.sha256 else {
            throw Fault(
                .infrastructure, .publishFailed,
                "\(artifact.name) was removed by others before it was published")
        }
    }

    private func image(_ publication: Publication, _ stage: Stage) throws -> PublishedImage {
        guard let (artifact, path) = paths(of: publication, stage).first else {
            throw WebRootFault("nothing to publish")
        }
        let name = path.dropFirst(folder(stage, publication.build).count + 1)
        return PublishedImage(
            name: String(name), path: path, url: url(ofPath: path), sizeBytes: artifact.sizeBytes,
            sha256: artifact.sha256, format: artifact.format,
            virtualSizeBytes: artifact.virtualSizeBytes, attempt: publication.attempt)
    }

    private func removeFiles(of build: Build, where matches: (File) -> Bool) {
        for stage in [Stage.build, .release] {
            for path in pathsOfImage[image(stage, build), default: []] {
                if let file = files[path], matches(file) { place(nil, at: path, stage, build) }
            }
        }
    }
}
