public import BuildProtocol
public import ErrorKit

/// The folder that the web server serves. Readers never see a partial or unverified file.
public protocol WebRoot: Sendable {
    /// Records that this epoch leads. Every step of a leader begins with it (`LeadingWebRoot`).
    /// - Throws: `StoreError.deposed` if a later epoch has led here.
    func lead(_ epoch: LeaseEpoch) async throws

    /// Bytes free on its file system.
    func freeBytes() async throws -> Int64

    /// Creates the folder for the images of a guest OS, so that it is visible at once.
    func makeFolder(ofGuestOS name: String) async throws

    /// The incoming file of an artifact: on the same file system, under a name that is never
    /// served. When it is opened again after a crash, it still contains what was written.
    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile

    /// Moves a verified image into `images/build/<guest OS>/`, with its log and `build.json`, and
    /// updates `SHA256SUMS`. May be repeated.
    /// - Returns: the published image.
    /// - Throws: `Fault` if a pulled file is gone; an error that is not permanent may be temporary.
    func publish(_ publication: Publication) async throws -> PublishedImage

    /// Moves what was published from `images/build/<guest OS>/` to `images/release/<guest OS>/`,
    /// updates `SHA256SUMS` in both, and `latest.json` in the latter. May be repeated.
    /// - Returns: the moved image.
    /// - Throws: `Fault` if it is in neither folder; any other error may be temporary.
    func promote(_ publication: Publication) async throws -> PublishedImage

    /// The URL of this path below the web root.
    func url(ofPath path: String) -> String

    /// Removes everything that the attempt pulled, published or promoted. Files that another
    /// attempt of the build published are kept.
    func withdraw(_ attempt: AttemptToken, of build: Build) async throws

    /// The path of a published image's file, for reading only.
    /// - Throws: `WebRootFault` if it does not exist.
    func file(of image: PublishedImage) async throws -> String

    /// Removes the image of a build that passed, and its companion files. May be repeated after a
    /// crash at any point.
    func remove(_ build: Build) async throws

    /// Removes the incoming files of all attempts but `living`.
    func sweep(keeping living: Set<AttemptToken>) async throws
}

/// An artifact that is being pulled.
public protocol IncomingFile: Sendable {
    /// The ranges still to be pulled: all but the chunks that exist and match their digests, in
    /// order, adjacent ones joined.
    func missingRanges() async throws -> [Range<Int64>]
    func write(_ bytes: [UInt8], at offset: Int64) async throws
    /// Compares size and SHA-256 with the artifact and makes the file durable.
    /// - Returns: whether they match; otherwise the file is removed.
    func verify() async throws -> Bool
}

/// Everything that is published with one build.
public struct Publication: Sendable {
    public var build: Build
    public var attempt: AttemptToken
    /// All are verified and incoming; the image comes first.
    public var artifacts: [Artifact]
    /// The content of `build.json`. `promote` does not read it but moves the existing one.
    public var record: [UInt8]

    public init(
        build: Build, attempt: AttemptToken, artifacts: [Artifact], record: [UInt8] = []
    ) {
        self.build = build
        self.attempt = attempt
        self.artifacts = ArtifactOrder(artifacts, of: build).sorted
        self.record = record
    }
}

extension Publication {
    /// Longest `build.json`; one has a few KiB.
    public static let recordBytes = 64 << 20
    /// Longest name of a file, in bytes, on the usual file systems.
    private static let nameBytes = 255

    /// Refuses artifacts that could be pulled and never published.
    /// - Throws: `Fault` of the template.
    public static func check(_ artifacts: [Artifact], of build: Build) throws(Fault) {
        let artifacts = ArtifactOrder(artifacts, of: build).sorted
        var names: Set<String> = []
        for (index, artifact) in artifacts.enumerated() {
            try artifact.checkNames()
            let name = artifact.publishedName(at: index, imageName: build.imageName)
            guard name.utf8.count <= nameBytes else {
                throw Fault(
                    .template, .templateInvalid,
                    "the artifact \(Names.quoted(artifact.name)) would be published as a file "
                        + "whose name has \(name.utf8.count) bytes; at most \(nameBytes) are "
                        + "possible")
            }
            guard names.insert(name).inserted else {
                throw Fault(
                    .template, .templateInvalid,
                    "two artifacts would be published as \(Names.quoted(name))")
            }
        }
        try checkProduct(artifacts, of: build)
        // What was reserved for the build on the disk of the web root.
        let sizeBytes = artifacts.map(\.sizeBytes).clampedSum()
        guard sizeBytes <= build.plan.requirements.diskBytes else {
            throw Fault(
                .template, .templateInvalid,
                "the artifacts have \(sizeBytes) bytes; the template requires a disk of "
                    + "\(build.plan.requirements.diskBytes) bytes: raise requirements: disk in "
                    + "aibuild.yml")
        }
    }
}

extension Publication {
    /// Refuses what no agent of this version sends: an older one collects anything.
    private static func checkProduct(_ artifacts: [Artifact], of build: Build) throws(Fault) {
        if let problem = build.plan.recipe.problem(of: artifacts) {
            throw Fault(.template, .noImage, "the build " + problem)
        }
        guard let image = artifacts.first, let tests = build.plan.tests,
            !image.format.isDiskImage
        else { return }
        if image.kind == .remote {
            let other = tests.plan.cases.first { $0.kind != .program }
            guard let other else { return }
            throw Fault(
                .template, .noImage,
                "the test case \(Names.quoted(other.name)) boots an image on a host, and the "
                    + "build's image is elsewhere: put the case under `tests: skip`, and test with "
                    + "a `program`")
        }
        throw Fault(
            .template, .noImage,
            "the build's image \(Names.quoted(image.name)) is no disk image, so it cannot be "
                + "tested: remove `tests: cases` from aibuild.yml and put the registered cases "
                + "under `tests: skip`, or let `image` name a disk image")
    }
}

extension Artifact {
    /// Without the digests that only a transfer needs.
    public var withoutChunks: Artifact {
        var artifact = self
        artifact.chunkSHA256 = []
        return artifact
    }

    /// The agent is not trusted: the name decides about a path in the web root.
    public func checkNames() throws(Fault) {
        guard Names.isFileName(name), Names.isSHA256(sha256) else {
            throw Fault(
                .template, .templateInvalid,
                "the artifact name \(Names.quoted(name)) is not a plain file name")
        }
    }

    /// The file's name in the web root: an image gets the build's name and its format's extension,
    /// another product that name and its own extension, a companion file its own name after the
    /// build's.
    ///
    /// - Parameter index: in the order of `ArtifactOrder`.
    public func publishedName(at index: Int, imageName: String) -> String {
        guard index == 0 else { return "\(imageName)-\(name)" }
        if format.isDiskImage { return "\(imageName).\(format.rawValue)" }
        guard kind != nil, kind != .remote, let ending = FileEnding.of(name) else {
            return "\(imageName)-\(name)"
        }
        return imageName + ending
    }
}

/// Why the web root cannot take or give a file, and what to do.
public typealias WebRootFault = CodedError<WebRootFaultCode>

public enum WebRootFaultCode: UsualFailureCode {
    case usual
    /// The file system will never take the file: its name is too long, a folder is in the way.
    case impossible

    public var isPermanent: Bool { self == .impossible }
}

extension Artifact {
    /// The parts of the file that have to be pulled, in order, neighbours joined. The cost is that
    /// of the bytes that are here, however large the artifact is said to be.
    ///
    /// - Parameters:
    ///   - presentBytes: the size of what is here.
    ///   - holds: whether the bytes here in the range of chunk `index` have its digest; called in
    ///     order.
    public func missingRanges(
        presentBytes: Int64, holds: (_ index: Int, _ range: Range<Int64>) throws -> Bool
    ) rethrows -> [Range<Int64>] {
        var missing: [Range<Int64>] = []
        func add(_ range: Range<Int64>) {
            if let last = missing.last, last.upperBound == range.lowerBound {
                missing[missing.count - 1] = last.lowerBound..<range.upperBound
            } else {
                missing.append(range)
            }
        }
        var start: Int64 = 0
        for index in chunkSHA256.indices where start < sizeBytes {
            let end = min(start + chunkSizeBytes, sizeBytes)
            guard end <= presentBytes else { break }
            if try !holds(index, start..<end) { add(start..<end) }
            start = end
        }
        if start < sizeBytes { add(start..<sizeBytes) }
        return missing
    }
}
