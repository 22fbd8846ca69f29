import BuildProtocol
import CoordinatorCore
import Support
import Synchronization

/// Ways to agents in memory. Transfers can be made to fail, to lie and to hang.
final class FakeGateway: HostGateway {
    private struct State {
        var agents: [String: FakeAgent] = [:]
        var opens: [String: Int] = [:]
        var failingReads = 0
        var lyingReads = 0
        var isHolding = false
        var reads = 0
        var openGate: Flag?
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    func add(_ agent: FakeAgent) { state.withLock { $0.agents[agent.name] = agent } }
    func failReads(_ count: Int) { state.withLock { $0.failingReads = count } }
    func lieInReads(_ count: Int) { state.withLock { $0.lyingReads = count } }
    /// Transfers hang, as over a line that swallows everything.
    func hold(_ isHolding: Bool) { state.withLock { $0.isHolding = isHolding } }
    /// Sessions are opened only once the flag is up.
    func holdOpens(until gate: Flag) { state.withLock { $0.openGate = gate } }
    var reads: Int { state.withLock(\.reads) }
    func opens(_ host: String) -> Int { state.withLock { $0.opens[host, default: 0] } }

    private func agent(_ host: Host) throws -> FakeAgent {
        guard let agent = state.withLock({ $0.agents[host.name] }) else {
            throw HostFault("host \(host.name): no route")
        }
        return agent
    }

    func check(_ host: Host) throws {
        if host.hostKey.isEmpty { throw HostFault("there is no host key") }
    }

    func open(_ host: Host, epoch: Int64) async throws -> any HostChannel {
        let gate = state.withLock { state in
            state.opens[host.name, default: 0] += 1
            return state.openGate
        }
        await gate?.wait()
        return try await agent(host).open(epoch: epoch)
    }

    func deliver(_ template: TemplateArchive, to host: Host) async throws {
        try await agent(host).receive(template)
    }

    func read(
        _ artifact: Artifact, of attempt: AttemptToken, from host: Host, offset: Int64,
        length: Int64,
        into sink: @escaping @Sendable (_ offset: Int64, _ bytes: [UInt8]) async throws -> Void
    ) async throws {
        let (isHolding, fails, lies) = state.withLock { state in
            state.reads += 1
            defer {
                state.failingReads = max(0, state.failingReads - 1)
                if state.failingReads == 0 { state.lyingReads = max(0, state.lyingReads - 1) }
            }
            return (state.isHolding, state.failingReads > 0, state.lyingReads > 0)
        }
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        if fails { throw HostFault("host \(host.name): the transfer broke") }
        var bytes = Array(try await agent(host).image(attempt)[Int(offset)..<Int(offset + length)])
        if lies { bytes[0] ^= 1 }
        try await sink(offset, bytes)
    }

    func scanHostKey(_ address: String) async throws -> HostKey {
        HostKey(key: "ssh-ed25519 AAAA", fingerprint: "SHA256:x")
    }
}

actor FakeLogs: LogStore {
    private(set) var files: [AttemptToken: [UInt8]] = [:]
    /// Appends fail so often.
    var failures = 0
    private(set) var resets = 0
    private var keepFailures = 0
    private var kept: [AttemptToken: GuestEvidence] = [:]

    func fail(_ count: Int) { failures = count }
    func failKeeping(_ count: Int) { keepFailures = count }

    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) throws -> Int64 {
        if failures > 0 {
            failures -= 1
            throw Failure("no space left on the log store's disk")
        }
        let size = Int64(files[attempt]?.count ?? 0)
        if cursor <= size {
            files[attempt, default: []] += bytes.dropFirst(Int(size - cursor))
        }
        return Int64(files[attempt]?.count ?? 0)
    }

    func sizeBytes(_ attempt: AttemptToken) -> Int64 { Int64(files[attempt]?.count ?? 0) }

    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) -> [UInt8] {
        Array((files[attempt] ?? []).dropFirst(Int(cursor)).prefix(limit))
    }

    func seal(_ attempt: AttemptToken) -> String { SHA256.hex(files[attempt] ?? []) }

    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) throws {
        if keepFailures > 0 {
            keepFailures -= 1
            throw Failure("no space left on the log store's disk")
        }
        kept[attempt] = evidence
    }

    func evidence(of attempt: AttemptToken) -> GuestEvidence? { kept[attempt] }

    func reset(_ attempt: AttemptToken) {
        resets += 1
        files[attempt] = nil
        kept[attempt] = nil
    }
}

actor FakeWebRoot: WebRoot {
    private(set) var published: [Publication] = []
    /// What passed its tests; it stays in `published`, too.
    private(set) var promoted: [Publication] = []
    private(set) var withdrawn: [AttemptToken] = []
    private(set) var swept: [Set<AttemptToken>] = []
    private var files: [AttemptToken: FakeFile] = [:]
    private var publishFailures = 0
    private var removeFailures = 0
    private var free: Int64 = 1 << 40
    private var isHolding = false
    private var isHoldingAnswers = false
    private var publishGate: Flag?
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    /// Publications take until the flag is up, whoever cancels them: as renames do.
    func holdPublish(until gate: Flag) { publishGate = gate }
    /// The image stands there, and nobody is told.
    func holdAnswers(_ isHolding: Bool) { isHoldingAnswers = isHolding }
    func failPublish(_ count: Int) { publishFailures = count }
    func failRemove(_ count: Int) { removeFailures = count }
    func setFree(_ bytes: Int64) { free = bytes }
    private(set) var folders: [String] = []
    func makeFolder(ofGuestOS name: String) { folders.append(name) }
    func hold(_ isHolding: Bool) { self.isHolding = isHolding }
    func file(_ token: AttemptToken) -> FakeFile? { files[token] }

    func freeBytes() -> Int64 { free }

    func incoming(_ artifact: Artifact, of attempt: AttemptToken) -> any IncomingFile {
        if let file = files[attempt] { return file }
        let file = FakeFile(artifact)
        files[attempt] = file
        return file
    }

    func publish(_ publication: Publication) async throws -> PublishedImage {
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        await publishGate?.wait()
        if publishFailures > 0 {
            publishFailures -= 1
            throw WebRootFault("the web root is full")
        }
        published.append(publication)
        if isHoldingAnswers { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        let artifact = publication.artifacts[0]
        let name = publication.build.imageName + ".qcow2"
        return PublishedImage(
            name: name, path: "images/build/\(publication.build.guestOS)/\(name)",
            url: "http://farm/\(name)", sizeBytes: artifact.sizeBytes, sha256: artifact.sha256,
            format: artifact.format, virtualSizeBytes: nil, attempt: publication.attempt)
    }

    func promote(_ publication: Publication) async throws -> PublishedImage {
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        if publishFailures > 0 {
            publishFailures -= 1
            throw WebRootFault("the web root is full")
        }
        guard published.contains(where: { $0.attempt == publication.attempt }) else {
            throw Fault(.infrastructure, .publishFailed, "the image is gone")
        }
        promoted.append(publication)
        let artifact = publication.artifacts[0]
        let path = "images/release/\(publication.build.guestOS)/x.qcow2"
        return PublishedImage(
            name: "x.qcow2", path: path, url: url(ofPath: path), sizeBytes: artifact.sizeBytes,
            sha256: artifact.sha256, format: artifact.format, virtualSizeBytes: nil,
            attempt: publication.attempt)
    }

    nonisolated func url(ofPath path: String) -> String { "http://farm/\(path)" }

    func withdraw(_ attempt: AttemptToken, of build: Build) {
        withdrawn.append(attempt)
        published.removeAll { $0.attempt == attempt }
        promoted.removeAll { $0.attempt == attempt }
        files[attempt] = nil
    }

    func file(of image: PublishedImage) -> String { "/web/" + image.path }

    func sweep(keeping living: Set<AttemptToken>) { swept.append(living) }

    func remove(_ build: Build) throws {
        if removeFailures > 0 {
            removeFailures -= 1
            throw WebRootFault("the web root is away")
        }
        published.removeAll { $0.build.id == build.id }
    }
}

actor FakeFile: IncomingFile {
    private let artifact: Artifact
    private(set) var bytes: [UInt8]
    private(set) var verifications = 0

    init(_ artifact: Artifact) {
        self.artifact = artifact
        bytes = []
    }

    func missingRanges() -> [Range<Int64>] {
        let here = Int64(bytes.count)
        return here < artifact.sizeBytes ? [here..<artifact.sizeBytes] : []
    }

    func write(_ new: [UInt8], at offset: Int64) {
        let end = Int(offset) + new.count
        if bytes.count < end { bytes += Array(repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(Int(offset)..<end, with: new)
    }

    func verify() -> Bool {
        verifications += 1
        let isGood =
            bytes.count == Int(artifact.sizeBytes) && SHA256.hex(bytes) == artifact.sha256
        if !isGood { bytes = [] }
        return isGood
    }
}

final class FakeTemplates: TemplateLibrary {
    private let outputTexts = Mutex<[String: String]>([:])

    /// What `output/<name>.j2` holds.
    func output(_ name: String, _ text: String) { outputTexts.withLock { $0[name] = text } }

    func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)] {
        try outputTexts.withLock(\.self).map { name, text in
            (name, try OutputTemplate(text, file: "output/\(name).j2"))
        }
    }

    private let requirements = Mutex(Requirements())
    private let tests = Mutex<ImageTests?>(nil)
    private let releasePlan = Mutex<ReleasePlan?>(nil)

    /// Builds that are submitted from now on have these tests.
    func test(_ new: ImageTests?) { tests.withLock { $0 = new } }

    func require(_ new: Requirements) { requirements.withLock { $0 = new } }
    func release(_ plan: ReleasePlan?) { releasePlan.withLock { $0 = plan } }

    func plan(for guestOS: GuestOS) async throws -> BuildPlan {
        if guestOS.name == "broken" { throw TemplateFault("aibuild.yml:3:1: unknown key 'x'") }
        let isGit = if case .git = guestOS.template { true } else { false }
        return BuildPlan(
            template: TemplateArchive(
                sha256: String(repeating: "a", count: 64), sizeBytes: 10),
            commit: isGit ? "c0ffee" : nil,
            recipe: BuildRecipe(builder: .command(["./build"])),
            requirements: requirements.withLock(\.self), limits: AttemptLimits(),
            tests: tests.withLock(\.self), release: releasePlan.withLock(\.self))
    }

    func path(of archive: TemplateArchive) throws -> String { "/templates/\(archive.sha256).tar" }
}
