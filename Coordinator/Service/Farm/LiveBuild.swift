import BuildProtocol
import CoordinatorCore

/// A build that has not ended, with details that are not stored.
struct LiveBuild {
    var build: Build
    var session: BuildSession?
    var detail = LiveDetail()
    /// Failed attempts of the current stage.
    var history: [AttemptFault] = []
    /// How long builds of this guest OS usually take.
    var expectedSeconds: Int?
    var attemptStartedMilliseconds: Int64 = 0
    /// The attempt has finished on the host, whose slot is free: the image is being pulled,
    /// published or recorded.
    var hasLeftHost = false
}

/// Progress of a build, for followers.
public struct LiveDetail: Sendable, Hashable {
    public var phase: String?
    public var doneBytes: Int64?
    public var totalBytes: Int64?

    public init(phase: String? = nil, doneBytes: Int64? = nil, totalBytes: Int64? = nil) {
        self.phase = phase
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
