public import CoordinatorCore
public import MetricsKit
import Support

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
    /// Those whose hooks report changes of repositories.
    public var hooks: [HookSource]
    /// `nil`: nobody requests builds by messages.
    public var requestQueue: (any RequestQueue)?
    /// `nil`: no profiles are looked at.
    public var profiles: (any ProfileSource)?
    /// `nil`: no Git server is sent the states of builds.
    public var statusSender: (any CommitStatusSender)?
    /// The address of the web pages, for those who are sent links; `nil` if nobody knows it.
    public var pages: String?
    /// Who is told what.
    public var notificationRules: [NotificationRule] = []
    public var notificationSender: (any NotificationSender)?
    /// `nil`: what is no longer wanted elsewhere is only shown.
    public var imageRemover: (any RemoteImageRemover)?
    /// Secrets that coordinator.yml names, by name.
    public var secretSources: [String: any SecretSource]
    /// `nil`: nothing is ever removed.
    public var retention: RetentionPolicy?
    /// How long a policy that is new or stricter is shown before it removes anything.
    public var retentionGraceMilliseconds: Int64
    /// `nil`: nothing is measured.
    public var meter: (any StorageMeter)?
    /// `nil`: nothing is built by time, parents or base images.
    public var timeZones: (any TimeZones)?
    /// `nil`: hosts are sent no plugins.
    public var plugins: (any PluginLibrary)?
    /// Who is who.
    public let directory: AccessDirectory
    /// `nil`: nobody signs in by a password.
    public var passwords: (any PasswordHashing)?
    /// `nil`: only this coordinator's own users sign in.
    public var identities: (any IdentityProvider)?
    /// `nil`: nobody is signed in elsewhere.
    public var browserIdentities: (any BrowserIdentityProvider)?
    /// What `/metrics` shows.
    public var metrics = FarmMetric.metrics()
    /// `nil`: nobody takes traces.
    public var spans: (any SpanSink)?
    public var limits: ServiceLimits

    public init(
        store: any Store, gateway: any HostGateway, logs: any LogStore, webRoot: any WebRoot,
        templates: any TemplateLibrary, clock: any TimeSource, ids: any IDSource,
        sheets: any SheetFiles, targets: [EnvironmentKind: any ReleaseTarget] = [:],
        templateServer: (any TemplateServer)? = nil, hooks: [HookSource] = [],
        requestQueue: (any RequestQueue)? = nil,
        statusSender: (any CommitStatusSender)? = nil, pages: String? = nil,
        secretSources: [String: any SecretSource] = [:], retention: RetentionPolicy? = nil,
        retentionGraceMilliseconds: Int64 = 86_400_000,
        meter: (any StorageMeter)? = nil, timeZones: (any TimeZones)? = nil,
        limits: ServiceLimits = ServiceLimits()
    ) {
        self.store = store
        self.gateway = gateway
        self.logs = logs
        self.webRoot = webRoot
        self.templates = templates
        self.clock = clock
        directory = AccessDirectory(clock: clock)
        self.ids = ids
        self.sheets = sheets
        self.targets = targets
        self.templateServer = templateServer
        self.hooks = hooks
        self.requestQueue = requestQueue
        self.statusSender = statusSender
        self.pages = pages
        self.secretSources = secretSources
        self.retention = retention
        self.retentionGraceMilliseconds = retentionGraceMilliseconds
        self.meter = meter
        self.timeZones = timeZones
        self.limits = limits
    }
}

extension Ports {
    /// - Throws: `StoreError.notFound`
    public func guestOS(named name: String) async throws -> GuestOS {
        guard let guestOS = try await store.guestOS(named: name) else {
            throw StoreError.notFound(what: .guestOS, name: name)
        }
        return guestOS
    }

    /// All guest OSes, by their names. They are read in pages, between which others may come.
    /// - Throws: `StoreError`, and what `body` throws, which ends it.
    public func eachGuestOS(_ body: (GuestOS) throws -> Void) async throws {
        var last: String?
        while true {
            let page = try await store.guestOSes(after: last, limit: limits.pageRows)
            for guestOS in page { try body(guestOS) }
            guard page.count == limits.pageRows else { return }
            last = page.last?.name
        }
    }

    /// Whether the template is the project on the Git server.
    func isAtTemplateServer(_ guestOS: GuestOS) -> Bool {
        templateServer?.template(ofGuestOS: guestOS.name).address == guestOS.template.address
    }

    /// Creates what is missing on the Git server. The registration stands whether or not this
    /// succeeds.
    /// - Returns: `nil` if the template is not on the Git server.
    func prepareTemplate(of guestOS: GuestOS) async -> TemplateServerReport? {
        guard let templateServer, isAtTemplateServer(guestOS) else { return nil }
        let report = await templateServer.prepare(guestOS: guestOS.name)
        if let problem = report.problem {
            Logger("gitlab").warning("guest OS \(guestOS.name): \(problem)")
        }
        return report
    }
}
