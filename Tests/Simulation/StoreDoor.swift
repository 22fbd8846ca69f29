import BuildProtocol
import CoordinatorCore
import Support

/// Where all processes write builds: it shares the store's executor, so that the ledger sees each
/// change in one step with it, and the changes in their order.
actor StoreDoor {
    nonisolated let base: InMemoryStore
    private let ledger: Ledger
    private let logs: LogDisk

    nonisolated var unownedExecutor: UnownedSerialExecutor { base.unownedExecutor }

    init(base: InMemoryStore, ledger: Ledger, logs: LogDisk) {
        self.base = base
        self.ledger = ledger
        self.logs = logs
    }

    func apply(_ change: BuildChange, _ leader: any LeaderStore) async throws -> Build? {
        let before = await base.build(id: change.build)
        guard let after = try await leader.apply(change) else { return nil }
        guard let before else { return after }
        let log = change.end == nil ? nil : change.owner.map { SHA256.hex(logs.bytes($0)) }
        ledger.changed(before, change, to: after, logSHA256: log)
        return after
    }

    func enqueue(_ new: NewBuild, _ leader: any LeaderStore) async throws -> Build {
        let build = try await leader.enqueue(new)
        ledger.enqueued(build)
        return build
    }

    func requestCancel(_ id: String, _ leader: any LeaderStore) async throws -> Build? {
        let build = try await leader.requestCancel(build: id)
        if let build { ledger.requestedCancel(build) }
        return build
    }
}

/// The way of one coordinator process to the lease.
struct ProcessLeases: LeaseStore {
    let gate: Gate
    let base: InMemoryStore

    func campaign(_ candidate: Candidate) async throws -> Lease {
        try await gate.effect(on: .store) {
            guard gate.life.reachesLease(at: gate.simulation.clock.monotonicMilliseconds()) else {
                throw StoreError(.unavailable, "the database does not answer")
            }
            return await base.campaign(candidate)
        }
    }

    func resign(_ epoch: LeaseEpoch) async throws {
        try await gate.effect(on: .store) { await base.resign(epoch) }
    }
}
