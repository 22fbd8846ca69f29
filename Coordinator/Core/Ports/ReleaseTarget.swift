/// Where images go: one driver for each kind of environment.
///
/// Every method may be called again, by another process, after any of its steps: what it did is in
/// the journal, which it writes *before* the next effect begins.
public protocol ReleaseTarget: Sendable {
    /// Authenticates, looks at quota and network: what a person should know before the first
    /// release.
    /// - Throws: `ReleaseFault` where a release cannot succeed.
    func check(_ environment: ReleaseEnvironment, _ secret: Secret?) async throws
        -> [EnvironmentFinding]

    /// Brings the image there.
    /// - Throws: `ReleaseFault`; anything else is taken for one that may pass.
    func release(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws -> ReleaseResult

    /// Puts back what stood there before; `order.journal` begins as that of the release to undo.
    /// - Throws: `ReleaseFault`
    func rollBack(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws -> ReleaseResult

    /// Takes back what a release that will not be tried again left half-made.
    func abandon(_ order: ReleaseOrder, _ steps: any ReleaseSteps) async throws
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

/// What a target needs to know of one release.
public struct ReleaseOrder: Sendable {
    /// Unique, the same over all tries.
    public var release: String
    public var build: Build
    public var guestOS: GuestOS
    public var image: PublishedImage
    /// The image's file, to be read only.
    public var imagePath: String
    public var environment: ReleaseEnvironment
    public var secret: Secret?
    /// Instead of the environment's.
    public var format: ReleaseFormat?
    /// Of `aibuild.yml`: name in the environment and additional properties.
    public var plan: ReleasePlan
    /// What earlier tries noted.
    public var journal: [String: String]
    /// Whether nothing can have been made by an earlier try, noted or not.
    public var isFirstTry: Bool
    /// When the release was asked for; the same over all tries.
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

/// What a target tells while it works.
public protocol ReleaseSteps: Sendable {
    /// Makes the journal durable. Throws where this try does not own the release any more; then
    /// nothing else may be done.
    func record(_ journal: [String: String]) async throws
    /// For the person who waits.
    func progress(_ what: String, doneBytes: Int64, totalBytes: Int64) async
    /// The secret and settings of another environment that this one builds on (a registry).
    func environment(named name: String) async throws -> (ReleaseEnvironment, Secret?)
}

/// `release:` of `aibuild.yml`, fixed when the build is submitted.
public struct ReleasePlan: Sendable, Hashable, Codable {
    public enum When: String, Sendable, Codable, CaseIterable { case automatic, manual }

    /// Environments that every build which passed goes to.
    public var to: [String]
    public var when: When
    /// Of the image there; `nil`: `<guest OS>x86_64`.
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
