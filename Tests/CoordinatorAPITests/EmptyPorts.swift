import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import Testing

// A farm with nothing in it: enough to ask the routes.

struct NoHosts: HostGateway {
    func check(_ host: Host) throws {}
    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        throw HostFault("no host")
    }
    func deliver(_ template: TemplateArchive, to host: Host) async throws {}
    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64, into sink: @escaping @Sendable (Int64, [UInt8]) async throws -> Void
    ) async throws {}
    func scanHostKey(_ address: String) async throws -> HostKey { throw HostFault("no host") }
}

struct NoLogs: LogStore {
    /// Kept of every attempt.
    var evidence: GuestEvidence?

    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) async -> Int64 { 0 }
    func sizeBytes(_ attempt: AttemptToken) async -> Int64 { 0 }
    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async -> [UInt8] { [] }
    func seal(_ attempt: AttemptToken) async -> String { "" }
    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async {}
    func evidence(of attempt: AttemptToken) async -> GuestEvidence? { evidence }
    func reset(_ attempt: AttemptToken) async {}
}

struct NoWebRoot: WebRoot {
    func freeBytes() async -> Int64 { 0 }
    func makeFolder(ofGuestOS name: String) {}
    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile {
        throw WebRootFault("no web root")
    }
    func publish(_ publication: Publication) async throws -> PublishedImage {
        throw WebRootFault("no web root")
    }
    func promote(_ publication: Publication) async throws -> PublishedImage {
        throw WebRootFault("no web root")
    }
    func url(ofPath path: String) -> String { "http://farm/" + path }
    func withdraw(_ attempt: AttemptToken, of build: Build) {}
    func remove(_ build: Build) {}
    func file(of image: PublishedImage) async throws -> String { "/web/" + image.path }
    func sweep(keeping living: Set<AttemptToken>) async {}
}

struct NoSheets: SheetFiles {
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        throw SheetFault("no sheets")
    }
    func write(_ sheets: [(name: String, rows: [[String]])]) -> [UInt8] { [] }
}

struct NoTemplates: TemplateLibrary {
    func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)] { [] }
    func plan(for guestOS: GuestOS) async throws -> BuildPlan { throw TemplateFault("no template") }
    func path(of archive: TemplateArchive) throws -> String { throw TemplateFault("no template") }
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

extension Ports {
    static func empty(
        _ store: any Store, logs: NoLogs = NoLogs(), sheets: any SheetFiles = NoSheets()
    ) -> Ports {
        Ports(
            store: store, gateway: NoHosts(), logs: logs, webRoot: NoWebRoot(),
            templates: NoTemplates(), clock: StoppedClock(), ids: StoppedClock(), sheets: sheets)
    }
}

extension API {
    /// A leader's, with nothing behind it but what is given.
    static func leading(
        _ store: any Store & LeaseStore = InMemoryStore(), epoch: LeaseEpoch? = nil,
        logs: NoLogs = NoLogs(), sheets: any SheetFiles = NoSheets(),
        webRoot folder: String = "/nowhere",
        standing: LeaseKeeper.Standing = .leading(epoch: 1), token: String? = nil
    ) async throws -> API {
        let ports = Ports.empty(store, logs: logs, sheets: sheets)
        let coordinator = Coordinator(ports: ports)
        let held = if let epoch { epoch } else { try await store.takeLead() }
        try await coordinator.lead(held)
        return API(
            APIContext(
                coordinator: coordinator, ports: ports, webRootFolder: folder,
                logPath: { _ in nil }, standing: { standing }, token: token, version: "test"))
    }
}

extension LeaseStore {
    func takeLead() async throws -> LeaseEpoch {
        let candidate = Candidate(id: "test", url: "", leaseMilliseconds: 1_000)
        return try #require(try await campaign(candidate).epoch(heldBy: candidate))
    }
}
