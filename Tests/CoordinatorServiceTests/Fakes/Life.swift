import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization

/// The life of one coordinator: it ends after a number of steps, each of which is the moment before
/// or after an effect. From then on it has no further effect.
final class Life: Sendable {
    struct Ended: Error {}

    private let left: Mutex<Int>

    init(steps: Int) { left = Mutex(steps) }

    var hasEnded: Bool { left.withLock { $0 <= 0 } }

    func end() { left.withLock { $0 = 0 } }

    private func step() throws {
        let isAlive = left.withLock { left in
            left -= 1
            return left > 0
        }
        if !isAlive { throw Ended() }
    }

    func effect<T>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async throws -> T {
        try step()
        let value = try await body()
        try step()
        return value
    }

    /// The ports of a coordinator with this life.
    func ports(_ ports: Ports) -> Ports {
        var ports = ports
        ports.store = MortalStore(base: ports.store, life: self)
        ports.gateway = MortalGateway(base: ports.gateway, life: self)
        ports.logs = MortalLogs(base: ports.logs, life: self)
        ports.webRoot = MortalWebRoot(base: ports.webRoot, life: self)
        return ports
    }
}

struct MortalGateway: HostGateway {
    let base: any HostGateway
    let life: Life

    func checked(_ host: Host) throws -> Host { try base.checked(host) }
    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        try await life.effect {
            MortalChannel(base: try await base.open(host, epoch: epoch), life: life)
        }
    }
    func deliver(_ template: TemplateArchive, to host: Host) async throws {
        try await life.effect { try await base.deliver(template, to: host) }
    }
    func check(_ start: Start, on host: Host) async throws -> Fault? {
        try await life.effect { try await base.check(start, on: host) }
    }
    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        try await life.effect {
            try await base.read(
                artifact, of: attempt, from: host, offset: offset, length: length, into: sink)
        }
    }
    func scanHostKey(_ address: String) async throws -> HostKey {
        try await base.scanHostKey(address)
    }
}

struct MortalChannel: HostChannel {
    let base: any HostChannel
    let life: Life

    var hello: AgentHello { base.hello }
    func send(_ message: CoordinatorMessage) async throws {
        try await life.effect { try await base.send(message) }
    }
    func next() async throws -> AgentMessage? { try await life.effect { try await base.next() } }
    func close() async { await base.close() }
}

struct MortalLogs: LogStore {
    let base: any LogStore
    let life: Life

    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) async throws -> Int64 {
        try await life.effect { try await base.append(attempt, at: cursor, bytes) }
    }
    func sizeBytes(_ attempt: AttemptToken) async throws -> Int64 {
        try await base.sizeBytes(attempt)
    }
    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async throws -> [UInt8] {
        try await base.read(attempt, from: cursor, limit: limit)
    }
    func seal(_ attempt: AttemptToken) async throws -> String {
        try await life.effect { try await base.seal(attempt) }
    }
    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async throws {
        try await life.effect { try await base.keep(evidence, of: attempt) }
    }
    func evidence(of attempt: AttemptToken) async throws -> GuestEvidence? {
        try await base.evidence(of: attempt)
    }
    func reset(_ attempt: AttemptToken) async throws {
        try await life.effect { try await base.reset(attempt) }
    }
}

struct MortalWebRoot: WebRoot {
    let base: any WebRoot
    let life: Life

    func lead(_ epoch: LeaseEpoch) async throws { try await base.lead(epoch) }
    func makeFolder(ofGuestOS name: String) async throws {
        try await life.effect { try await base.makeFolder(ofGuestOS: name) }
    }
    func freeBytes() async throws -> Int64 { try await base.freeBytes() }
    func incoming(_ artifact: Artifact, of attempt: AttemptToken) async throws -> any IncomingFile {
        try await life.effect { try await base.incoming(artifact, of: attempt) }
    }
    func publish(_ publication: Publication) async throws -> PublishedImage {
        try await life.effect { try await base.publish(publication) }
    }
    func promote(_ publication: Publication) async throws -> PublishedImage {
        try await life.effect { try await base.promote(publication) }
    }
    func url(ofPath path: String) -> String { base.url(ofPath: path) }
    func withdraw(_ attempt: AttemptToken, of build: Build) async throws {
        try await life.effect { try await base.withdraw(attempt, of: build) }
    }
    func file(of image: PublishedImage) async throws -> String {
        try await base.file(of: image)
    }
    func remove(_ build: Build) async throws {
        try await life.effect { try await base.remove(build) }
    }
    func sweep(keeping living: Set<AttemptToken>) async throws {
        try await life.effect { try await base.sweep(keeping: living) }
    }
}
