public import BuildProtocol

/// The folder that the web server shows. A reader of it never sees a partial or unverified file.
public protocol WebRoot: Sendable {
    /// Bytes free on its file system.
    func freeBytes() async throws -> Int64

    /// Makes the folder where the images of a guest OS will be, so that people find it at once.
    func makeFolder(ofGuestOS name: String) async throws

    /// The place where an artifact arrives: on the same file system, under a name that is never
    /// served. Opened again after a crash, it still holds what was written.
    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile

    /// Moves a verified image into `images/build/<guest OS>/`, with its log and `build.json`, and
    /// renews `SHA256SUMS`. Doing it twice does no harm.
    /// - Returns: the image as it stands there.
    /// - Throws: `Fault` when what was pulled is not there any more; anything else may pass.
    func publish(_ publication: Publication) async throws -> PublishedImage

    /// Moves what was published from `images/build/<guest OS>/` to `images/release/<guest OS>/`,
    /// renews `SHA256SUMS` in both and `latest.json` in the latter. Doing it twice does no harm.
    /// - Returns: the image as it stands there.
    /// - Throws: `Fault` when it is in neither of the two; anything else may pass.
    func promote(_ publication: Publication) async throws -> PublishedImage

    /// Where hosts and people fetch what stands at this path below the web root.
    func url(ofPath path: String) -> String

    /// Takes back what the attempt published or pulled, if anything, also where it was promoted.
    /// What another attempt of the build published stays.
    func withdraw(_ attempt: AttemptToken, of build: Build) async throws

    /// Where the file of a published image is, to be read only.
    /// - Throws: `WebRootFault` when it is not there (any more).
    func file(of image: PublishedImage) async throws -> String

    /// Removes the image of a build that passed, and what stands beside it. What was removed before
    /// is no fault: a crash may come at any moment, and it is done again.
    func remove(_ build: Build) async throws

    /// Removes what attempts other than `living` left behind.
    func sweep(keeping living: Set<AttemptToken>) async throws
}

/// An artifact on its way in.
public protocol IncomingFile: Sendable {
    /// What is still to be pulled: all but the chunks that are here and match their digests, in
    /// order, neighbours joined.
    func missingRanges() async throws -> [Range<Int64>]
    func write(_ bytes: [UInt8], at offset: Int64) async throws
    /// Compares size and SHA-256 with the artifact and makes the file durable.
    /// - Returns: whether they match; a file that does not is removed.
    func verify() async throws -> Bool
}

/// Everything that is published with one build.
public struct Publication: Sendable {
    public var build: Build
    public var attempt: AttemptToken
    /// All are verified and incoming; the image comes first.
    public var artifacts: [Artifact]
    /// What `build.json` holds; not read by `promote`, which moves the one that is there.
    public var record: [UInt8]

    public init(
        build: Build, attempt: AttemptToken, artifacts: [Artifact], record: [UInt8] = []
    ) {
        self.build = build
        self.attempt = attempt
        self.artifacts = artifacts.sorted(by: Artifact.precedes)
        self.record = record
    }
}

extension Artifact {
    /// The file's name in the web root: an image takes the build's name and its format's extension,
    /// its companions their own names behind the build's.
    ///
    /// - Parameter index: in the order of `precedes`.
    public func publishedName(at index: Int, imageName: String) -> String {
        index == 0 && format.isDiskImage
            ? "\(imageName).\(format.rawValue)" : "\(imageName)-\(name)"
    }

    /// Disk images before other files, large before small: the first of a build is its image.
    public static func precedes(_ a: Artifact, _ b: Artifact) -> Bool {
        if a.format.isDiskImage != b.format.isDiskImage { return a.format.isDiskImage }
        return a.sizeBytes == b.sizeBytes ? a.name < b.name : a.sizeBytes > b.sizeBytes
    }
}

/// The web root cannot take it; the sentence says why (full, not writable) and what to do.
public struct WebRootFault: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
