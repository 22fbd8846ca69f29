public import BuildProtocol

/// One compare-and-set step of a build. Every change of a build's state is one of these, so that
/// the store has a single place where tokens fence and states are checked.
///
/// The store applies all of it in one transaction, or nothing when the build is no longer in one
/// of `from` or is owned by another attempt than `owner`.
public struct BuildChange: Sendable, Hashable {
    public var build: String
    /// States in which the change is allowed.
    public var from: Set<BuildState>
    /// The attempt that must own the build; `nil` if none does (a claim, a cancelled wait).
    public var owner: AttemptToken?
    public var to: BuildState
    /// The next stage; `nil` keeps the current one.
    public var stage: BuildStage?
    public var atMilliseconds: Int64
    /// A claim: the new attempt's row; the build gets its token, its host and one more attempt.
    public var begin: Attempt?
    /// Closes the row of `owner`.
    public var end: AttemptEnd?
    /// For a retry.
    public var notBeforeMilliseconds: Int64?
    /// Set on the build; an ended build that passed has none.
    public var fault: Fault?
    /// Set on the build, and recorded as a row of `build_log` whose id is the build's; a later one
    /// changes that row.
    public var image: PublishedImage?
    /// The image is no longer in the web root.
    public var withdrawsImage: Bool
    /// Releases that follow from a pass. They are stored with the change, so that no crash can come
    /// in between.
    public var releases: [Release] = []

    public init(
        build: String, from: Set<BuildState>, owner: AttemptToken?, to: BuildState,
        stage: BuildStage? = nil, atMilliseconds: Int64, begin: Attempt? = nil,
        end: AttemptEnd? = nil,
        notBeforeMilliseconds: Int64? = nil, fault: Fault? = nil, image: PublishedImage? = nil,
        withdrawsImage: Bool = false
    ) {
        self.build = build
        self.from = from
        self.owner = owner
        self.to = to
        self.stage = stage
        self.atMilliseconds = atMilliseconds
        self.begin = begin
        self.end = end
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.fault = fault
        self.image = image
        self.withdrawsImage = withdrawsImage
    }
}
