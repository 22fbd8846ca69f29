import BuildProtocol
import CoordinatorCore
import Support

/// An in-memory web root that records its calls, and can fail, hang and lose its responses.
actor FaultyWebRoot: WebRoot {
    private let base = InMemoryWebRoot { SHA256.hex($0) }
    /// Publications that exist, including promoted ones.
    private(set) var published: [Publication] = []
    /// Publications that passed their tests.
    private(set) var promoted: [Publication] = []
    private(set) var withdrawn: [AttemptToken] = []
    private(set) var swept: [Set<AttemptToken>] = []
    private(set) var folders: [String] = []
    /// The attempts of which an artifact was pulled, or was about to be.
    private(set) var opened: Set<AttemptToken> = []
    private(set) var verifications: [AttemptToken: Int] = [:]
    private var publishFailures = 0
    private var removeFailures = 0
    private var isImpossible = false
    private var free: Int64 = 1 << 40
    private var isHolding = false
    private var isHoldingAnswers = false
    private var publishGate: Flag?
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    /// Publications take until the flag is raised, even if they are cancelled, as renames do.
    func holdPublish(until gate: Flag) { publishGate = gate }
    /// Images are published or promoted, and the response never comes.
    func holdAnswers(_ isHolding: Bool) { isHoldingAnswers = isHolding }
    func failPublish(_ count: Int) { publishFailures = count }
    /// No publication and no withdrawal can succeed any more.
    func breakForGood() { isImpossible = true }
    func failRemove(_ count: Int) { removeFailures = count }
    func setFree(_ bytes: Int64) { free = bytes }
    func hold(_ isHolding: Bool) { self.isHolding = isHolding }

    func content(of image: PublishedImage) async -> [UInt8]? {
        await base.content(ofPath: image.path)
    }

    var incomingAttempts: Set<AttemptToken> { get async { await base.incomingAttempts } }

    func lead(_ epoch: LeaseEpoch) async throws { try await base.lead(epoch) }

    func freeBytes() -> Int64 { free }

    func makeFolder(ofGuestOS name: String) { folders.append(name) }

    func incoming(
        _ artifact: Artifact, of attempt: AttemptToken
    ) async throws -> any IncomingFile {
        opened.insert(attempt)
        return CountedFile(
            base: try await base.incoming(artifact, of: attempt), root: self, attempt: attempt)
    }

    func publish(_ publication: Publication) async throws -> PublishedImage {
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        await publishGate?.wait()
        if isImpossible { throw WebRootFault(.impossible, "the name is too long") }
        try take(&publishFailures, "the web root is full")
        let image = try await base.publish(publication)
        published.append(publication)
        if isHoldingAnswers { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        return image
    }

    func promote(_ publication: Publication) async throws -> PublishedImage {
        if isHolding { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        try take(&publishFailures, "the web root is full")
        let image = try await base.promote(publication)
        promoted.append(publication)
        if isHoldingAnswers { try await clock.sleep(untilMonotonicMilliseconds: .max) }
        return image
    }

    nonisolated func url(ofPath path: String) -> String { base.url(ofPath: path) }

    func withdraw(_ attempt: AttemptToken, of build: Build) async throws {
        if isImpossible { throw WebRootFault(.impossible, "the name is too long") }
        withdrawn.append(attempt)
        published.removeAll { $0.attempt == attempt }
        promoted.removeAll { $0.attempt == attempt }
        await base.withdraw(attempt, of: build)
    }

    func file(of image: PublishedImage) async throws -> String { try await base.file(of: image) }

    func sweep(keeping living: Set<AttemptToken>) async {
        swept.append(living)
        await base.sweep(keeping: living)
    }

    func remove(_ build: Build) async throws {
        try take(&removeFailures, "the web root is away")
        published.removeAll { $0.build.id == build.id }
        await base.remove(build)
    }

    fileprivate func noteVerification(_ attempt: AttemptToken) {
        verifications[attempt, default: 0] += 1
    }

    private func take(_ failures: inout Int, _ reason: String) throws {
        guard failures > 0 else { return }
        failures -= 1
        throw WebRootFault(reason)
    }
}

private struct CountedFile: IncomingFile {
    let base: any IncomingFile
    let root: FaultyWebRoot
    let attempt: AttemptToken

    func missingRanges() async throws -> [Range<Int64>] { try await base.missingRanges() }

    func write(_ bytes: [UInt8], at offset: Int64) async throws {
        try await base.write(bytes, at: offset)
    }

    func verify() async throws -> Bool {
        await root.noteVerification(attempt)
        return try await base.verify()
    }
}
