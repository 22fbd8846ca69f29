/// Where an attempt stands on its host.
public enum AttemptState: String, Sendable, Codable, CaseIterable {
    /// The folder is there, the supervisor starts.
    case accepted
    /// The template is unpacked, the base image is fetched.
    case preparing
    /// Packer, the template's own program, or a test case runs.
    case building
    /// The build program has ended well; images are measured and hashed.
    case hashing
    /// `result.json` is durable. Nothing of the attempt runs any more.
    case finished

    /// Whether a report of `next` is right after one of this state: progress within it, or what
    /// follows.
    public func mayReport(_ next: AttemptState) -> Bool {
        next == self || successors.contains(next)
    }

    /// States that may follow. An attempt may end from anywhere; it never goes back.
    public var successors: Set<AttemptState> {
        switch self {
        case .accepted: [.preparing, .finished]
        case .preparing: [.building, .finished]
        case .building: [.hashing, .finished]
        case .hashing: [.finished]
        case .finished: []
        }
    }
}

/// Where a build stands for the person who asked for it.
public enum BuildState: String, Sendable, Codable, CaseIterable {
    /// Waits for a host (or for the end of a retry's backoff), in its present stage.
    case queued
    /// An attempt runs on a host.
    case building
    /// The attempt passed; its artifacts are pulled and verified.
    case collecting
    /// The image is being moved into the web root, or from there to the tested ones, and recorded.
    case publishing
    /// A test attempt runs on a host. The image is in the web root already.
    case testing
    case passed
    case failed
    case cancelled

    public var isEnded: Bool { self == .passed || self == .failed || self == .cancelled }

    /// States that may follow. `queued` again is a retry on another host, or the wait for a test.
    public var successors: Set<BuildState> {
        switch self {
        case .queued: [.building, .testing, .failed, .cancelled]
        case .building: [.collecting, .queued, .failed, .cancelled]
        case .collecting: [.publishing, .queued, .failed, .cancelled]
        case .publishing: [.passed, .collecting, .queued, .failed, .cancelled]
        case .testing: [.publishing, .queued, .failed, .cancelled]
        case .passed, .failed, .cancelled: []
        }
    }
}

/// A part of a build that has attempts of its own: a fault of the test never builds again.
public enum BuildStage: String, Sendable, Codable, CaseIterable {
    case build, test
}

/// Whose fault an attempt's end was; the retry policy reads nothing else.
public enum FaultClass: String, Sendable, Codable {
    /// The template, its scripts or its base image: a retry would end the same way.
    case template
    /// The host, the network, the disk, the coordinator: retried, on another host if there is one.
    case infrastructure
    /// A person asked for it.
    case cancelled
}
