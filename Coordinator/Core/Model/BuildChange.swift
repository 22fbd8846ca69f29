public import BuildProtocol

/// One compare-and-set step of a build. Every change of a build's state is one, so that tokens and
/// states are checked in a single place of the store.
///
/// The store applies all of it in one transaction, or nothing if the build is in none of the states
/// `from` or is owned by another attempt than `owner`.
public struct BuildChange: Sendable, Hashable {
    public var build: String
    /// States in which the change is allowed.
    public var from: Set<BuildState>
    /// The attempt that must own the build; `nil` if none does (a claim, a cancelled queued build).
    public var owner: AttemptToken?
    public var to: BuildState
    /// The next stage; `nil` keeps the current one.
    public var stage: BuildStage?
    public var atMilliseconds: Int64
    /// A claim: the row of the new attempt. The build gets its token and host, and its attempt
    /// count grows.
    public var begin: Attempt?
    /// Ends the attempt `owner`.
    public var end: AttemptEnd?
    /// For a retry.
    public var notBeforeMilliseconds: Int64?
    /// Set on the build; a build that passed has none.
    public var fault: Fault?
    /// Set on the build, and recorded as a row of `build_log` with the build's id; a later image
    /// updates that row.
    public var image: PublishedImage?
    /// Records that the image is no longer in the web root.
    public var withdrawsImage: Bool
    /// Releases that follow a pass. They are stored with the change, so that no crash can separate
    /// the two.
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

/// The effect of a compare-and-set step on a row.
public enum ChangeEffect<Row: Sendable & Hashable>: Sendable, Hashable {
    /// The row after the change.
    case changed(Row)
    /// The change took effect earlier and its response was lost, so a caller may repeat it.
    case applied
    /// The row is in another state or owned by another attempt: nothing changes.
    case refused
}
