public import CoordinatorCore
import Support
import Synchronization

/// One coordinator of the farm: stands by and answers what it can read, leads once it holds the
/// lease, stops in order.
public final class Coordinator: Sendable {
    private struct State {
        var leader: Leader?
        var isStopping = false
    }

    private let ports: Ports
    /// Hears of every change; keys are build ids, and `ChangeHub.everything`.
    public let changes = ChangeHub()
    private let state = Mutex(State())

    public init(ports: Ports) { self.ports = ports }

    /// Takes up everything where the last leader left it.
    /// - Throws: `StoreError` if the store cannot be read; then it may be called again.
    public func lead(_ epoch: LeaseEpoch) async throws {
        let leader = Leader(ports: ports, epoch: epoch, changes: changes)
        let isStopping = state.withLock { state in
            if !state.isStopping { state.leader = leader }
            return state.isStopping
        }
        guard !isStopping else { return }
        do { try await leader.takeUp() } catch {
            state.withLock { $0.leader = nil }
            await leader.stop()
            throw error
        }
    }

    /// Leads with this epoch as soon as the store can be read. Returns early if the task is
    /// cancelled.
    public func leadOnceStoreAnswers(_ epoch: LeaseEpoch) async {
        try? await ports.retrying(longestMilliseconds: ports.limits.takeUpLongestMilliseconds) {
            try await lead(epoch)
        } unless: { error in
            Logger("coordinator").error("cannot take up the builds: \(error)")
        }
    }

    /// Ends in order: nothing new is begun, transfers are broken off, what is short and must not be
    /// cut is finished, every session with a host is closed. Builds run on; the next coordinator
    /// takes them up where they are.
    public func stop() async {
        let leader = state.withLock { state in
            state.isStopping = true
            return state.leader.take()
        }
        await leader?.stop()
        // Those who follow a build are woken, and find the end of their stream.
        await changes.close()
    }

    /// Answers when everything that moves builds answers; whether dispatching makes progress.
    public func pulse() async -> Bool { await leader?.pulse() ?? true }

    /// `nil` on a standby.
    public var leader: Leader? { state.withLock(\.leader) }

    /// What only a leader may do.
    /// - Throws: `StoreError.unavailable` on a standby.
    public func leading() throws -> Leader {
        guard let leader else {
            throw StoreError(
                .unavailable,
                "this coordinator does not lead at this moment: try again in a few seconds")
        }
        return leader
    }

    /// The newest state of a build, and what is only known while it lives.
    public func find(_ id: String) async throws -> (Build, LiveDetail)? {
        if let found = await leader?.tracker.find(id) { return found }
        return try await ports.store.build(id: id).map { ($0, LiveDetail()) }
    }

    public func detail(of id: String) async -> LiveDetail {
        await leader?.tracker.find(id)?.1 ?? LiveDetail()
    }
}
