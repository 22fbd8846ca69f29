public import BuildProtocol

/// A report that a hook delivered, or a request from a message queue. It is stored before the hook
/// gets its answer, and handled afterwards, so that no crash loses it and no Git server waits.
public struct Delivery: Sendable, Hashable, Codable {
    public enum State: String, Sendable, Codable, CaseIterable {
        /// To be handled, or to be tried again.
        case queued
        /// Of a merge request from another project: a template is code, so that a person has to
        /// approve it first.
        case awaitingApproval = "awaiting_approval"
        /// It started builds, or ended some.
        case handled
        /// It started none, for the reason that is recorded.
        case ignored
        /// Every try failed.
        case failed
    }

    /// Counts all deliveries; assigned by the store.
    @Bounded<CountBound> public var id: Int
    /// The name of the hook.
    public var hook: String
    /// Tells deliveries of one hook apart: the same one sent again has the same key.
    public var key: String
    /// As the Git server calls it; `""` if it does not say.
    public var event: String
    @Bounded<UnixTimeBound> public var receivedMilliseconds: Int64
    public var state: State
    /// A further try waits until then.
    @Bounded<UnixTimeBound> public var notBeforeMilliseconds: Int64
    @Bounded<CountBound> public var tries: Int
    public var reports: [GitReport]
    /// If a message queue delivered it.
    public var request: BuildRequest?
    /// What came of it, or why it waits.
    public var outcome: String
    /// The builds that it started: `debian12:8`.
    public var builds: [String]
    /// What could not be built, and is shown beside its commit; `nil`: nothing.
    public var broken: [BrokenImage]?
    /// Who approved it.
    public var approvedBy: String?
    /// The delivery that this one repeats, at a person's request.
    @OptionalBounded<CountBound> public var repeats: Int?
    /// Of the body.
    @Bounded<ByteBound> public var payloadBytes: Int64

    public init(
        id: Int = 0, hook: String, key: String, event: String, receivedMilliseconds: Int64,
        state: State = .queued, reports: [GitReport] = [], request: BuildRequest? = nil,
        outcome: String = "", repeats: Int? = nil, payloadBytes: Int64 = 0
    ) {
        self.id = id
        self.hook = hook
        self.key = key
        self.event = event
        self.receivedMilliseconds = receivedMilliseconds
        self.state = state
        notBeforeMilliseconds = 0
        tries = 0
        self.reports = reports
        self.request = request
        self.outcome = outcome
        builds = []
        self.repeats = repeats
        self.payloadBytes = payloadBytes
    }

    /// What concerns one project, or requests one guest OS, is handled in order.
    public var project: String { reports.first?.project ?? request?.guestOS ?? "" }
}

/// A guest OS whose template, as a report has it, cannot be built.
public struct BrokenImage: Sendable, Hashable, Codable {
    public var guestOS: String
    /// One line, as Git servers show it.
    public var why: String
    /// The place of the report in its delivery.
    @Bounded<CountBound> public var report: Int

    public init(guestOS: String, why: String, report: Int) {
        self.guestOS = guestOS
        self.why = CommitStatus.line(why)
        self.report = report
    }
}

/// The conditions of a list of deliveries, all of which must hold.
public struct DeliveryFilter: Sendable, Hashable {
    public var hook: String?
    public var states: Set<Delivery.State>?
    /// The id of the last delivery of the previous page.
    public var after: Int?

    public init(hook: String? = nil, states: Set<Delivery.State>? = nil, after: Int? = nil) {
        self.hook = hook
        self.states = states
        self.after = after
    }
}
