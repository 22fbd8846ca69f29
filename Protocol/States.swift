/// The state of an attempt on its host.
public enum AttemptState: String, Sendable, Codable, CaseIterable {
    /// The folder exists, and the supervisor starts.
    case accepted
    /// The template is unpacked and the base image fetched.
    case preparing
    /// Packer, the template's own program, or a test case runs.
    case building
    /// The build program has succeeded; the images are measured and hashed.
    case hashing
    /// `result.json` is durable. No process of the attempt is left.
    case finished

    /// Whether a report of `next` may come after one of this state: progress within it, or a later
    /// state.
    public func mayReport(_ next: AttemptState) -> Bool {
        next == self || successors.contains(next)
    }

    /// The states that may follow. An attempt may end in any state, and never goes back.
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

/// The state of a build.
public enum BuildState: String, Sendable, Codable, CaseIterable {
    /// Waits for a host, or for the delay before a retry, in its current stage.
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

    /// Whether a change to `next` is legal: to repeat a state changes nothing, except that a build
    /// ends once.
    public func mayBecome(_ next: BuildState) -> Bool {
        successors.contains(next) || (next == self && !isEnded)
    }

    /// The states that may follow. `queued` follows for a retry on another host, or for a test. An
    /// attempt without artifacts passes where it was built.
    public var successors: Set<BuildState> {
        switch self {
        case .queued: [.building, .testing, .failed, .cancelled]
        case .building: [.collecting, .passed, .queued, .failed, .cancelled]
        case .collecting: [.publishing, .queued, .failed, .cancelled]
        case .publishing: [.passed, .collecting, .queued, .failed, .cancelled]
        // An image that is not to be published passes where it was tested.
        case .testing: [.publishing, .passed, .queued, .failed, .cancelled]
        case .passed, .failed, .cancelled: []
        }
    }
}

/// A part of a build that has attempts of its own: after a fault during a test, nothing is built
/// again.
public enum BuildStage: String, Sendable, Codable, CaseIterable {
    case build, test
}

/// Who is to blame for a failed attempt; the retry policy depends on this alone.
public enum FaultClass: String, Sendable, Codable {
    /// The template, its scripts or its base image: a retry would fail in the same way.
    case template
    /// The host, the network, the disk, the coordinator: retried, on another host if there is one.
    case infrastructure
    /// A person requested it.
    case cancelled
}
