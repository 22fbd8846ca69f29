public import CoordinatorCore

/// Everything that the service uses of the outside world.
public struct Ports: Sendable {
    public var store: any Store
    public var gateway: any HostGateway
    public var logs: any LogStore
    public var webRoot: any WebRoot
    public var templates: any TemplateLibrary
    public var clock: any TimeSource
    public var ids: any IDSource
    public var sheets: any SheetFiles
    /// The kinds of environment to which this coordinator can release.
    public var targets: [EnvironmentKind: any ReleaseTarget]
    /// `nil`: there is no Git server, and every template has an explicit address.
    public var templateServer: (any TemplateServer)?
    /// `nil`: nothing is ever removed.
    public var retention: RetentionPolicy?
    public var limits: ServiceLimits

    public init(
        store: any Store, gateway: any HostGateway, logs: any LogStore, webRoot: any WebRoot,
        templates: any TemplateLibrary, clock: any TimeSource, ids: any IDSource,
        sheets: any SheetFiles, targets: [EnvironmentKind: any ReleaseTarget] = [:],
        templateServer: (any TemplateServer)? = nil, retention: RetentionPolicy? = nil,
        limits: ServiceLimits = ServiceLimits()
    ) {
        self.store = store
        self.gateway = gateway
        self.logs = logs
        self.webRoot = webRoot
        self.templates = templates
        self.clock = clock
        self.ids = ids
        self.sheets = sheets
        self.targets = targets
        self.templateServer = templateServer
        self.retention = retention
        self.limits = limits
    }

    /// Records permanently who did what to what.
    func audit(
        _ actor: String, _ action: String, _ subject: String, _ detail: String = ""
    ) async throws {
        try await store.record(
            AuditEntry(
                atMilliseconds: clock.unixMilliseconds(), actor: actor, action: action,
                subject: subject, detail: detail))
    }

    /// How long builds of the guest OS usually take; `nil` if none has passed yet.
    func usualSeconds(guestOS: String) async -> Int? {
        let recent = try? await store.recentDurationsSeconds(guestOS: guestOS, limit: 5)
        guard let recent, !recent.isEmpty else { return nil }
        return recent.sorted()[recent.count / 2]
    }
}
