import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import Support
import Synchronization
import TestSupport

// A farm with nothing in it: enough to ask the routes.

struct NoSheets: SheetFiles {
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        throw SheetFault("no sheets")
    }
    func write(_ sheets: [(name: String, rows: [[String]])]) -> [UInt8] { [] }
}

struct NoTemplates: TemplateLibrary {
    func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)] { [] }
    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan { throw TemplateFault("no template") }
    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool { true }
    func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String] { [] }
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers {
        ImageTriggers()
    }
    func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?) {
        (ImageTriggers(), nil)
    }
    func mark(of watch: Watch) async throws -> String { "" }
    func path(of archive: TemplateArchive) throws -> String { throw TemplateFault("no template") }
    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) {}
}

/// Every template can be read, and builds nothing.
struct AnyTemplates: TemplateLibrary {
    func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)] { [] }
    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan {
        BuildPlan(
            template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 10),
            recipe: BuildRecipe(builder: .command(["true"])), requirements: Requirements(),
            limits: AttemptLimits())
    }
    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool { true }
    func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String] { [] }
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers {
        ImageTriggers()
    }
    func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?) {
        (ImageTriggers(), nil)
    }
    func mark(of watch: Watch) async throws -> String { "" }
    func path(of archive: TemplateArchive) throws -> String { "/templates/\(archive.sha256).tar" }
    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) {}
}

/// A Git server on which every guest OS has its project.
struct StillServer: TemplateServer {
    static let secret = "secret of the hook"

    func template(ofGuestOS name: String) -> TemplateSource {
        .git(url: "https://git/aibuild/\(name)_tpl.git", ref: "main")
    }
    func prepare(guestOS name: String) async -> TemplateServerReport {
        TemplateServerReport(guestOS: name, done: [], problem: nil)
    }
    static let hook = HookSource(
        name: "gitlab", kind: .gitlab, url: "https://git", secret: Secret(secret))
}

/// Every time has come: a stream without news sends its heartbeat at once.
struct DueClock: TimeSource {
    func unixMilliseconds() -> Int64 { 0 }
    func monotonicMilliseconds() -> Int64 { 0 }
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {}
}

/// Time that never passes.
struct StoppedClock: TimeSource, IDSource {
    func unixMilliseconds() -> Int64 { 0 }
    func monotonicMilliseconds() -> Int64 { 0 }
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        for await _ in AsyncStream<Never>.makeStream().stream {}
        throw CancellationError()
    }
    func randomToken() -> AttemptToken { AttemptToken(high: 1, low: 1) }
    func randomID() -> String { "id" }
}

/// Time that a test sets; nobody wakes by it.
final class SetClock: TimeSource {
    private let now = Atomic<Int64>(1_000_000_000_000)

    func advance(milliseconds: Int64) { now.add(milliseconds, ordering: .sequentiallyConsistent) }
    func unixMilliseconds() -> Int64 { now.load(ordering: .sequentiallyConsistent) }
    func monotonicMilliseconds() -> Int64 { now.load(ordering: .sequentiallyConsistent) }
    func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        try await StoppedClock().sleep(untilMonotonicMilliseconds: deadline)
    }
}

/// Each one differs from those before it.
final class CountingIDs: IDSource {
    private let count = Atomic<UInt64>(0)

    func randomToken() -> AttemptToken {
        let number = count.add(1, ordering: .relaxed).newValue
        return AttemptToken(high: number << 32, low: number)
    }
    func randomID() -> String { "id\(count.add(1, ordering: .relaxed).newValue)" }
}

extension InMemoryLogStore {
    static var empty: InMemoryLogStore { InMemoryLogStore { SHA256.hex($0) } }
}

extension Ports {
    static func empty(
        _ store: any Store, logs: InMemoryLogStore = .empty, sheets: any SheetFiles = NoSheets(),
        clock: any TimeSource = StoppedClock()
    ) -> Ports {
        Ports(
            store: store, gateway: InMemoryHostGateway(), logs: logs,
            webRoot: InMemoryWebRoot { SHA256.hex($0) },
            templates: NoTemplates(), clock: clock, ids: StoppedClock(), sheets: sheets)
    }
}

extension API {
    static let token = "a long enough secret"

    /// A leader's, with nothing behind it but what is given.
    static func leading(
        _ store: any Store & LeaseStore = InMemoryStore(), epoch: LeaseEpoch? = nil,
        logs: InMemoryLogStore = .empty, sheets: any SheetFiles = NoSheets(),
        webRoot folder: String = "/nowhere",
        standing: LeaseKeeper.Standing = .leading(epoch: 1),
        names: TrustedNames = TrustedNames(url: "http://farm.test"),
        tokenFile: String? = nil, storeProblem: String? = nil,
        meter: (any StorageMeter)? = nil, timeZones: (any TimeZones)? = nil,
        templates: any TemplateLibrary = NoTemplates(),
        templateServer: (any TemplateServer)? = nil, hooks: [HookSource]? = nil,
        ids: any IDSource = StoppedClock(), clock: (any TimeSource)? = nil,
        settings: AccessSettings = AccessSettings(), identities: (any IdentityProvider)? = nil,
        browsers: (any BrowserIdentityProvider)? = nil, url: String? = nil,
        hostSetup: HostSetup = HostSetup()
    ) async throws -> API {
        var ports = Ports.empty(
            store, logs: logs, sheets: sheets, clock: clock ?? StoppedClock())
        ports.ids = ids
        ports.passwords = InMemoryPasswords()
        ports.identities = identities
        ports.browserIdentities = browsers
        ports.templates = templates
        ports.templateServer = templateServer
        ports.hooks = hooks ?? (templateServer == nil ? [] : [StillServer.hook])
        ports.meter = meter
        ports.timeZones = timeZones
        let coordinator = Coordinator(ports: ports)
        var routePorts = ports
        routePorts.clock = clock ?? DueClock()
        let held = if let epoch { epoch } else { try await store.lead() }
        try await coordinator.lead(held)
        var context = APIContext(
            coordinator: coordinator, ports: routePorts, webRootFolder: folder,
            logPath: { _ in nil }, standing: { standing },
            storeProblem: { storeProblem },
            access: AccessControl(
                directory: ports.directory, token: token, tokenFile: tokenFile, names: names,
                settings: settings),
            url: url, version: "test")
        context.hostSetup = hostSetup
        return API(context)
    }
}

/// The API of a leader over an empty store, and what that leader writes to.
struct LeaderAPI {
    let store = InMemoryStore()
    let api: API
    let leader: any LeaderStore

    init(templateServer: (any TemplateServer)? = nil) async throws {
        let epoch = try await store.lead()
        leader = store.leading(epoch)
        api = try await API.leading(store, epoch: epoch, templateServer: templateServer)
    }
}
