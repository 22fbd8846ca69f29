import BuildProtocol
import CoordinatorCore
import Support

/// An in-memory log store whose disk can be full.
actor FaultyLogs: LogStore {
    private let base = InMemoryLogStore { SHA256.hex($0) }
    private(set) var failures = 0
    private var keepFailures = 0
    private(set) var resets = 0

    /// Bytes of each log, by attempt.
    var files: [AttemptToken: [UInt8]] { get async { await base.logs } }

    /// The next appends fail.
    func fail(_ count: Int) { failures = count }
    func failKeeping(_ count: Int) { keepFailures = count }

    func append(
        _ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]
    ) async throws -> Int64 {
        try take(&failures)
        return await base.append(attempt, at: cursor, bytes)
    }

    func sizeBytes(_ attempt: AttemptToken) async -> Int64 { await base.sizeBytes(attempt) }

    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async -> [UInt8] {
        await base.read(attempt, from: cursor, limit: limit)
    }

    func seal(_ attempt: AttemptToken) async -> String { await base.seal(attempt) }

    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async throws {
        try take(&keepFailures)
        await base.keep(evidence, of: attempt)
    }

    func evidence(of attempt: AttemptToken) async -> GuestEvidence? {
        await base.evidence(of: attempt)
    }

    func reset(_ attempt: AttemptToken) async {
        resets += 1
        await base.reset(attempt)
    }

    private func take(_ failures: inout Int) throws {
        guard failures > 0 else { return }
        failures -= 1
        throw Failure("no space left on the log store's disk")
    }
}
