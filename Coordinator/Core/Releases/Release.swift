public import BuildProtocol

/// The release of one image to one environment, or a rollback.
///
///     awaitingApproval ⇄ queued ⇄ running → released
///
/// or it ends as `failed`, `cancelled` or `refused`, from any of the first three.
///
/// A release that was undone later is `rolledBack`.
public struct Release: Sendable, Hashable, Codable {
    public enum Action: String, Sendable, Codable, CaseIterable {
        case release
        /// Restores what was in the environment before the release `undoes`.
        case rollback
    }

    public var id: String
    public var action: Action
    /// The build of the image.
    public var build: String
    public var guestOS: String
    @Bounded<CountBound> public var buildNumber: Int
    public var imageName: String
    /// The environment's name: a change of the environment also affects queued releases.
    public var environment: String
    public var state: ReleaseState
    /// The release that a rollback undoes.
    public var undoes: String?
    /// Overrides the environment's format.
    public var format: ReleaseFormat?
    public var requestedBy: String
    /// Who agreed to it: the person who requested or approved it; `nil` if nobody has.
    public var approvedBy: String?
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64
    @OptionalBounded<UnixTimeBound> public var startedMilliseconds: Int64?
    @OptionalBounded<UnixTimeBound> public var endedMilliseconds: Int64?
    /// A retry waits until then.
    @Bounded<UnixTimeBound> public var notBeforeMilliseconds: Int64
    /// Attempts so far. The number of the newest is its token: changes by an older one are refused.
    @Bounded<CountBound> public var attemptCount: Int
    /// Attempts that are not tries of what it does now: those that ended with their coordinator
    /// and, once it cleans up, all before.
    @OptionalBounded<CountBound> public var uncountedAttempts: Int?
    /// If it has not succeeded this long after its request, it is given up.
    @OptionalBounded<SecondsBound> public var timeoutSeconds: Int?
    public var cancelRequested: Bool
    /// The steps that the target has recorded, so that a later attempt knows what is half done.
    public var journal: [String: String]
    public var result: ReleaseResult?
    /// Why it failed, or why its last try did.
    public var fault: RecordedFault?
    /// Set once it is decided that it will not be tried again: what is left is to take back what is
    /// half-made, then it ends so.
    public var ending: ReleaseState?
    /// What it may have left in the environment when it ended without having cleaned up, a sentence
    /// for each thing.
    public var leftBehind: [String]?
    /// Who ended it without cleaning up.
    public var abandonedBy: String?

    public init(
        id: String, action: Action = .release, build: Build, environment: String,
        state: ReleaseState = .queued, undoes: String? = nil, format: ReleaseFormat? = nil,
        requestedBy: String, approvedBy: String? = nil, timeoutSeconds: Int? = nil,
        createdMilliseconds: Int64
    ) {
        self.id = id
        self.action = action
        self.build = build.id
        guestOS = build.guestOS
        buildNumber = build.number
        imageName = build.imageName
        self.environment = environment
        self.state = state
        self.undoes = undoes
        self.format = format
        self.requestedBy = requestedBy
        self.approvedBy = approvedBy
        self.timeoutSeconds = timeoutSeconds
        self.createdMilliseconds = createdMilliseconds
        notBeforeMilliseconds = 0
        attemptCount = 0
        cancelRequested = false
        journal = [:]
    }

    /// Whether it needs no approval any more: a person wanted it, or it has begun.
    public var isAgreed: Bool { approvedBy != nil || !journal.isEmpty }

    /// Whether a person asked for this very image, and did not only agree to it.
    public var isRequestedByPerson: Bool { approvedBy == requestedBy }

    /// `debian12:7@lab`, by which people name it; several may have the same, one after another.
    public var reference: String { "\(guestOS):\(buildNumber)@\(environment)" }

    /// When it is given up if it has not succeeded; `nil`: once its tries are used up.
    public var deadlineMilliseconds: Int64? {
        timeoutSeconds.map { createdMilliseconds + Int64($0) * 1000 }
    }

    /// Whether its time is over. Cleaning up takes as long as it takes.
    public func isOverdue(atMilliseconds now: Int64) -> Bool {
        ending == nil && deadlineMilliseconds.map { $0 <= now } ?? false
    }
}

public enum ReleaseState: String, Sendable, Codable, CaseIterable {
    /// A person must approve it, because its environment or `aibuild.yml` says so.
    case awaitingApproval
    /// Waits for its turn, or for the delay before a retry.
    case queued
    case running
    case released
    case failed
    case cancelled
    /// The policy of its environment does not allow it, a person refused it, nobody approved it in
    /// time, or a newer image has superseded it.
    case refused
    /// Was `released`, and has been undone since.
    case rolledBack

    public var isEnded: Bool {
        switch self {
        case .awaitingApproval, .queued, .running: false
        case .released, .failed, .cancelled, .refused, .rolledBack: true
        }
    }
}

/// What a release created in the environment.
public struct ReleaseResult: Sendable, Hashable, Codable {
    /// Glance's image id, or the digest in a registry: the value of `{{ result_img_id }}`.
    public var remoteID: String
    /// Remarks for people: one line for each host, warnings, warehoused images.
    public var notes: [String]

    public init(remoteID: String, notes: [String] = []) {
        self.remoteID = remoteID
        self.notes = notes
    }
}

/// What the store keeps of a `ReleaseFault`.
public struct RecordedFault: Sendable, Hashable, Codable, CustomStringConvertible {
    public var description: String
    public var isPermanent: Bool

    public init(_ fault: ReleaseFault) {
        description = fault.description
        isPermanent = fault.isPermanent
    }
}
