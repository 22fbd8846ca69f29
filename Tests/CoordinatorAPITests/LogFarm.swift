import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import HTTPServerKit
import HTTPTypes
import Support
import TestSupport
import TextKit

/// A build whose log a test writes, and the API over it.
final class LogFarm: Sendable {
    static let build = "b1"
    static let path = "/api/v1/builds/b1/log"
    let store = InMemoryStore()
    let logs = InMemoryLogStore.empty
    let api: API
    private let leader: any LeaderStore
    private let coordinator: Coordinator

    /// - Parameter clock: of the streams; by default every heartbeat is due.
    init(clock: any TimeSource = DueClock()) async throws {
        var ports = Ports.empty(store, logs: logs)
        coordinator = Coordinator(ports: ports)
        let epoch = try await store.lead()
        try await coordinator.lead(epoch)
        leader = store.leading(epoch)
        ports.clock = clock
        api = API(
            APIContext(
                coordinator: coordinator, ports: ports, webRootFolder: "/nowhere",
                logPath: { _ in nil }, standing: { .leading(epoch: 1) },
                access: AccessControl(
                    directory: ports.directory, token: API.token, tokenFile: nil,
                    names: TrustedNames(url: "http://farm.test"), settings: AccessSettings()),
                version: "test"))
        try await leader.add(.sample("debian12", owner: "o"))
        _ = try await leader.enqueue(
            NewBuild(
                id: Self.build, guestOSID: "id-debian12", guestOS: "debian12", priority: 0,
                owner: "o", plan: try await AnyTemplates().plan(for: .sample("a", owner: "o")),
                updateContents: "", submittedMilliseconds: 0))
    }

    static func token(_ ordinal: Int) -> AttemptToken {
        AttemptToken(high: 1, low: UInt64(ordinal))
    }

    func begin(_ ordinal: Int = 1) async throws {
        try await apply(
            BuildChange(
                build: Self.build, from: [.queued], owner: nil, to: .building, atMilliseconds: 1,
                begin: Attempt(
                    token: Self.token(ordinal), build: Self.build, ordinal: ordinal, host: "h",
                    startedMilliseconds: 1)))
    }

    func end(_ ordinal: Int = 1, _ state: BuildState, fault: Fault? = nil) async throws {
        try await apply(
            BuildChange(
                build: Self.build, from: [.building], owner: Self.token(ordinal), to: state,
                atMilliseconds: 2, end: AttemptEnd(outcome: Outcome(fault: fault)),
                fault: fault))
        await coordinator.changes.bump(Self.build)
    }

    private func apply(_ change: BuildChange) async throws {
        guard try await leader.apply(change) != nil else { throw Failure("\(change) is refused") }
    }

    func write(_ records: [LogRecord], _ ordinal: Int = 1) async throws {
        var bytes: [UInt8] = []
        for record in records { bytes += try CanonicalJSON.encode(record) + [0x0A] }
        await append(bytes, ordinal)
    }

    func write(_ texts: [String], _ ordinal: Int = 1) async throws {
        try await write(texts.map { LogRecord(t: 1_700_000_000_000, s: .out, m: $0) }, ordinal)
    }

    func append(_ bytes: [UInt8], _ ordinal: Int = 1) async {
        let token = Self.token(ordinal)
        _ = await logs.append(token, at: await logs.sizeBytes(token), bytes)
        await coordinator.changes.bump(Self.build)
    }

    /// Serves the farm to a browser, which is signed in.
    func serve() throws -> HTTPServer {
        let server = HTTPServer(host: "127.0.0.1", port: 0) { [api] request in
            .served { _ in
                var request = request
                request.headers.set("Host", "127.0.0.1:9753")
                request.headers.set("Authorization", "Bearer \(API.token)")
                return await api.respond(to: request)
            }
        }
        try server.start()
        return server
    }
}
