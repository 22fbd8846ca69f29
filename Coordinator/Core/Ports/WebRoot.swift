public import BuildProtocol
public import ErrorKit

/// The folder that the web server serves. A reader never sees a partial or unverified file.
public protocol WebRoot: Sendable {
    /// Bytes free on its file system.
    func freeBytes() async throws -> Int64

    /// Creates the folder for the images of a guest OS, so that people find it at once.
    func makeFolder(ofGuestOS name: String) async throws

    /// The place where an artifact arrives: on the same file system, under a name that is never
    /// served. Opened again after a crash, it still holds what was written.
    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile

    /// Moves a verified image into `images/build/<guest OS>/`, with its log and `build.json`, and
    /// renews `SHA256SUMS`. May be repeated.
    /// - Returns: the image as it stands there.
    /// - Throws: `Fault` if a pulled file is gone; any other error may be temporary.
    func publish(_ publication: Publication) async throws -> PublishedImage

    /// Moves what was published from `images/build/<guest OS>/` to `images/release/<guest OS>/`,
    /// renews `SHA256SUMS` in both and `latest.json` in the latter. May be repeated.
    /// - Returns: the image as it stands there.
    /// - Throws: `Fault` if it is in neither folder; any other error may be temporary.
    func promote(_ publication: Publication) async throws -> PublishedImage

    /// The URL of this path below the web root.
    func url(ofPath path: String) -> String

    /// Removes everything that the attempt pulled, published or promoted. Files that another
    /// attempt of the build published stay.
    func withdraw(_ attempt: AttemptToken, of build: Build) async throws

    /// The path of a published image's file, for reading only.
    /// - Throws: `WebRootFault` if it does not exist.
    func file(of image: PublishedImage) async throws -> String

    /// Removes the image of a build that passed and the files beside it. May be repeated after a
    /// crash at any moment.
    func remove(_ build: Build) async throws

    /// Removes the incoming files of all attempts but `living`.
    func sweep(keeping living: Set<AttemptToken>) async throws
}

/// An artifact on its way in.
public protocol IncomingFile: Sendable {
    /// The ranges still to be pulled: all but the chunks that are here and match their digests, in
    /// order, adjacent ones joined.
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

/// Why the web root cannot take or give a file, and what to do.
public typealias WebRootFault = CodedError<WebRootFaultCode>

public enum WebRootFaultCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { false }
}
