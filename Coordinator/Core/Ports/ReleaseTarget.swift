/// Where images are released to: one driver for each kind of environment.
///
/// Every method may be called again, by another process, after any of its steps: what it has done
/// is in the journal, to which it writes *before* each effect begins.
public protocol ReleaseTarget: Sendable {
    /// Authenticates and checks quota and network, to report problems before the first release.
    /// - Throws: `ReleaseFault` if a release cannot succeed.
    func check(_ environment: ReleaseEnvironment, _ secret: Secret?) async throws
        -> [EnvironmentFinding]

    /// Releases the image.
    /// - Throws: `ReleaseFault`; any other error counts as temporary.
    func release(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws -> ReleaseResult

    /// Restores the previous image; `order.journal` starts as that of the release to undo.
    /// - Throws: `ReleaseFault`
    func rollBack(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws -> ReleaseResult

    /// Cleans up after a release that will not be retried.
    func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws

    /// What a release may have left in the environment, by its journal: a phrase for each thing
    /// that `abandon` would take back. Asks nobody.
    func leftBehind(by release: Release) -> [String]
}

/// One line of an environment's check.
public struct EnvironmentFinding: Sendable, Hashable, Codable {
    public enum Level: String, Sendable, Codable { case ok, warning }

    public var level: Level
    public var text: String

    public init(_ level: Level, _ text: String) {
        self.level = level
        self.text = text
    }
}

/// Everything that a target needs to carry out one release.
public struct ReleaseOrder: Sendable {
    /// Unique; the same for all attempts.
    public var release: String
    public var build: Build
    public var guestOS: GuestOS
    public var image: PublishedImage
    /// The path of the image, to be read only.
    public var imagePath: String
    public var environment: ReleaseEnvironment
    public var secret: Secret?
    /// Overrides the environment's format.
    public var format: ReleaseFormat?
    /// From `aibuild.yml`: the name in the environment and additional properties.
    public var plan: ReleasePlan
    /// The entries of earlier attempts.
    public var journal: [String: String]
    /// Whether no earlier attempt can have created anything, recorded or not.
    public var isFirstTry: Bool
    /// When the release was requested; the same for all attempts.
    public var createdMilliseconds: Int64

    public init(
        release: String, build: Build, guestOS: GuestOS, image: PublishedImage, imagePath: String,
        environment: ReleaseEnvironment, secret: Secret?, format: ReleaseFormat? = nil,
        plan: ReleasePlan = ReleasePlan(), journal: [String: String] = [:],
        isFirstTry: Bool = false, createdMilliseconds: Int64
    ) {
        self.release = release
        self.build = build
        self.guestOS = guestOS
        self.image = image
        self.imagePath = imagePath
        self.environment = environment
        self.secret = secret
        self.format = format
        self.plan = plan
        self.journal = journal
        self.isFirstTry = isFirstTry
        self.createdMilliseconds = createdMilliseconds
    }
}

/// Receives the journal and the progress of a target.
public protocol ReleaseSteps: Sendable {
    /// Makes the journal durable. Throws if this attempt no longer owns the release; the target
    /// must then stop.
    func record(_ journal: [String: String]) async throws
    /// Shows the progress to followers.
    func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async
    /// The secret and settings of another environment that this one uses (a registry).
    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?)
}

/// `release:` of `aibuild.yml`, fixed when the build is submitted.
public struct ReleasePlan: Sendable, Hashable, Codable {
    public enum When: String, Sendable, Codable, CaseIterable { case automatic, manual }

    /// Environments to which every build that passes is released.
    public var to: [String]
    public var when: When
    /// Name of the image there; `nil`: `<guest OS>x86_64`.
    public var name: String?
    public var properties: [String: String]

    public init(
        to: [String] = [], when: When = .automatic, name: String? = nil,
        properties: [String: String] = [:]
    ) {
        self.to = to
        self.when = when
        self.name = name
        self.properties = properties
    }
}
