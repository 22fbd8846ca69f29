public import CoordinatorCore

/// Everything that the service needs of the world.
public struct Ports: Sendable {
    public var store: any Store
    public var gateway: any HostGateway
    public var logs: any LogStore
    public var webRoot: any WebRoot
    public var templates: any TemplateLibrary
    public var environment: any Environment
    public var sheets: any SheetFiles
    /// Those that this coordinator can release to.
    public var targets: [EnvironmentKind: any ReleaseTarget]
    /// `nil`: templates are where people say that they are.
    public var templateServer: (any TemplateServer)?
    /// `nil`: nothing is ever removed.
    public var retention: RetentionPolicy?
    public var limits: ServiceLimits

    public init(
        store: any Store, gateway: any HostGateway, logs: any LogStore, webRoot: any WebRoot,
        templates: any TemplateLibrary, environment: any Environment,
        sheets: any SheetFiles, targets: [EnvironmentKind: any ReleaseTarget] = [:],
        templateServer: (any TemplateServer)? = nil, retention: RetentionPolicy? = nil,
        limits: ServiceLimits = ServiceLimits()
    ) {
        self.store = store
        self.gateway = gateway
        self.logs = logs
        self.webRoot = webRoot
        self.templates = templates
        self.environment = environment
        self.sheets = sheets
        self.targets = targets
        self.templateServer = templateServer
        self.retention = retention
        self.limits = limits
    }

    func sleep(milliseconds: Int64) async throws {
        try await environment.sleep(
            untilMonotonicMilliseconds: environment.monotonicMilliseconds() + milliseconds)
    }

    /// Who did what to what, for good.
    func audit(
        _ actor: String, _ action: String, _ subject: String, _ detail: String = ""
    ) async throws {
        try await store.record(
            AuditEntry(
                atMilliseconds: environment.unixMilliseconds(), actor: actor, action: action,
                subject: subject, detail: detail))
    }

    func backoff() -> Backoff {
        Backoff(
            first: limits.retryFirstMilliseconds, longest: limits.retryLongestMilliseconds)
    }
}

/// Delays that double up to a bound.
struct Backoff {
    private var nextMilliseconds: Int64
    private let longest: Int64

    init(first: Int64, longest: Int64) {
        nextMilliseconds = first
        self.longest = longest
    }

    mutating func next() -> Int64 {
        defer { nextMilliseconds = min(longest, nextMilliseconds * 2) }
        return nextMilliseconds
    }
}
