public import BuildProtocol

/// One attempt of a build on one host. Kept permanently, with its reason and its log.
public struct Attempt: Sendable, Hashable, Codable {
    public var token: AttemptToken
    public var build: String
    /// Starts at 1; counts over all stages.
    @Bounded<CountBound> public var ordinal: Int
    public var stage: BuildStage
    public var host: String
    @Bounded<UnixTimeBound> public var startedMilliseconds: Int64
    @OptionalBounded<UnixTimeBound> public var endedMilliseconds: Int64?
    /// When its slot on the host was free; `nil` if nobody noticed.
    @OptionalBounded<UnixTimeBound> public var leftHostMilliseconds: Int64?
    /// `nil` while it runs.
    public var outcome: Outcome?
    /// Size and digest of the log, once the coordinator has all of it.
    @OptionalBounded<ByteBound> public var logBytes: Int64?
    public var logSHA256: String?
    public var accelerator: Accelerator?
    /// The variables of its host that it got.
    public var hostVariables: [String: String] = [:]

    public init(
        token: AttemptToken, build: String, ordinal: Int, stage: BuildStage = .build, host: String,
        startedMilliseconds: Int64, endedMilliseconds: Int64? = nil,
        leftHostMilliseconds: Int64? = nil, outcome: Outcome? = nil,
        logBytes: Int64? = nil, logSHA256: String? = nil, accelerator: Accelerator? = nil
    ) {
        self.token = token
        self.build = build
        self.ordinal = ordinal
        self.stage = stage
        self.host = host
        self.startedMilliseconds = startedMilliseconds
        self.endedMilliseconds = endedMilliseconds
        self.leftHostMilliseconds = leftHostMilliseconds
        self.outcome = outcome
        self.logBytes = logBytes
        self.logSHA256 = logSHA256
        self.accelerator = accelerator
    }
}

/// How an attempt ended, as the store records it.
public struct AttemptEnd: Sendable, Hashable {
    public var outcome: Outcome
    @OptionalBounded<ByteBound> public var logBytes: Int64?
    public var logSHA256: String?
    public var accelerator: Accelerator?
    public var artifacts: [Artifact]
    /// Kept by the log store, not in a row.
    public var evidence: GuestEvidence?
    /// The results of a test attempt, in order.
    public var tests: [TestResult]
    /// What it made elsewhere, and did not take back.
    public var remoteImages: [RemoteImage]
    /// When its slot on the host was free; `nil` if nobody noticed.
    @OptionalBounded<UnixTimeBound> public var leftHostMilliseconds: Int64?

    public init(
        outcome: Outcome, logBytes: Int64? = nil, logSHA256: String? = nil,
        accelerator: Accelerator? = nil, artifacts: [Artifact] = [],
        evidence: GuestEvidence? = nil, tests: [TestResult] = [],
        remoteImages: [RemoteImage] = []
    ) {
        self.outcome = outcome
        self.logBytes = logBytes
        self.logSHA256 = logSHA256
        self.accelerator = accelerator
        self.artifacts = artifacts
        self.evidence = evidence
        self.tests = tests
        self.remoteImages = remoteImages
    }
}
