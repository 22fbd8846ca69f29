public import BuildProtocol

/// What a guest OS is built for without a push or a person, and what was done about it.
public struct TriggerState: Sendable, Hashable, Codable {
    public var guestOSID: String
    /// Counts the changes of the row: each is made over the state that was read.
    @Bounded<RevisionBound> public var revision: Int64 = 0
    public var plan: TriggerPlan
    /// Of the template that `plan` was read from.
    public var commit: String?
    /// Occasions of the schedule up to this one are over: they were built, or skipped, or earlier
    /// than the schedule.
    @Bounded<UnixTimeBound> public var doneUntilMilliseconds: Int64 = 0
    /// When the age of images was limited first.
    @OptionalBounded<UnixTimeBound> public var agesSinceMilliseconds: Int64?
    /// The last build for its age.
    @OptionalBounded<UnixTimeBound> public var agedMilliseconds: Int64?
    /// The builds of the parents that the guest OS has been built for, by name; `""` if there was
    /// none when the parent was named.
    public var parentBuilds: [String: String] = [:]
    /// What the base image was when it was looked at last.
    public var baseImage: String?
    @OptionalBounded<UnixTimeBound> public var baseImageCheckedMilliseconds: Int64?
    @OptionalBounded<UnixTimeBound> public var baseImageChangedMilliseconds: Int64?
    /// Of the package sources.
    public var packages: WatchState?
    public var last: TriggerRun?
    /// Why the template could not be read, or its base image or packages not looked at.
    public var problem: String?

    public init(guestOSID: String, plan: TriggerPlan = TriggerPlan()) {
        self.guestOSID = guestOSID
        self.plan = plan
    }
}

/// How often one row changes.
public enum RevisionBound: NumberBound { public static let range: ClosedRange<Int64> = 0...1 << 53 }

/// What was done the last time that something wanted a build of a guest OS.
public struct TriggerRun: Sendable, Hashable, Codable {
    public enum Outcome: String, Sendable, Codable {
        /// A build was submitted.
        case submitted
        /// None was, with a reason that is no failure.
        case skipped
        /// None could be.
        case failed
    }

    @Bounded<UnixTimeBound> public var atMilliseconds: Int64
    /// `schedule 0 3 * * 1 (Europe/Berlin)`
    public var cause: String
    public var outcome: Outcome
    /// `debian12:7`
    public var build: String?
    public var reason: String?

    public init(
        atMilliseconds: Int64, cause: String, outcome: Outcome, build: String? = nil,
        reason: String? = nil
    ) {
        self.atMilliseconds = atMilliseconds
        self.cause = cause
        self.outcome = outcome
        self.build = build
        self.reason = reason
    }
}

extension TriggerState {
    /// Takes what the template says now. What is new counts from now on: nothing is built for the
    /// time before.
    public mutating func take(
        _ new: TriggerPlan, commit: String?, atMilliseconds now: Int64
    ) {
        if new.schedule != plan.schedule { doneUntilMilliseconds = now }
        if new.maxAgeSeconds == nil {
            agesSinceMilliseconds = nil
        } else if plan.maxAgeSeconds == nil {
            agesSinceMilliseconds = now
        }
        for kind in Watch.Kind.allCases {
            guard let old = plan.watch(kind), !old.isSame(as: new.watch(kind)) else { continue }
            self[kind] = WatchState(changedMilliseconds: self[kind].changedMilliseconds)
        }
        parentBuilds = parentBuilds.filter { new.parents.contains($0.key) }
        plan = new
        self.commit = commit
    }
}
