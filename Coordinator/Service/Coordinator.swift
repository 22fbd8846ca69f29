public import CoordinatorCore
import Support
import Synchronization

/// One coordinator: serves reads as a standby, leads while it holds the lease, and shuts down in
/// order.
public final class Coordinator: Sendable {
    private struct State {
        var leader: Leader?
        var isStopping = false
    }

    private let ports: Ports
    /// Notifies of every change; keys are build ids and `ChangeHub.everything`.
    public let changes = ChangeHub()
    private let state = Mutex(State())

    public init(ports: Ports) { self.ports = ports }

    /// Resumes everything where the last leader left it.
    /// - Throws: `StoreError` if the store cannot be read; may then be called again.
    public func lead(_ epoch: LeaseEpoch) async throws {
        let leader = Leader(ports: ports, epoch: epoch, changes: changes)
        let isStopping = state.withLock { state in
            if !state.isStopping { state.leader = leader }
            return state.isStopping
        }
        guard !isStopping else { return }
        do { try await leader.resume() } catch {
            state.withLock { $0.leader = nil }
            await leader.stop()
            throw error
        }
    }

    /// Leads with this epoch as soon as the store can be read. Returns early if the task is
    /// cancelled.
    public func leadWithRetries(_ epoch: LeaseEpoch) async {
        try? await ports.retrying(longestMilliseconds: ports.limits.resumeLongestMilliseconds) {
            try await lead(epoch)
        } unless: { error in
            Logger("coordinator").error("cannot resume the builds: \(error)")
        }
    }

    /// Shuts down in order: starts nothing new, interrupts transfers, finishes what must not be
    /// interrupted, and closes every session with a host. Builds continue; the next leader resumes
    /// them.
    public func stop() async {
        let leader = state.withLock { state in
            state.isStopping = true
            return state.leader.take()
        }
        await leader?.stop()
        // Wakes the followers of builds, whose streams then end.
        await changes.close()
    }

    /// Returns once every part that moves builds has responded.
    /// - Returns: whether dispatching makes progress.
    public func pulse() async -> Bool { await leader?.pulse() ?? true }

    /// `nil` on a standby.
    public var leader: Leader? { state.withLock(\.leader) }

    /// The interface that only a leader has.
    /// - Throws: `StoreError.unavailable` on a standby.
    public func leading() throws -> Leader {
        guard let leader else {
            throw StoreError(
                .unavailable,
                "this coordinator does not lead at this moment: try again in a few seconds")
        }
        return leader
    }

    /// The newest state of a build, with the details that exist only while it runs.
    public func find(_ id: String) async throws -> (Build, LiveDetail)? {
        if let found = await leader?.tracker.find(id) { return found }
        return try await ports.store.build(id: id).map { ($0, LiveDetail()) }
    }

    public func detail(of id: String) async -> LiveDetail {
        await leader?.tracker.find(id)?.1 ?? LiveDetail()
    }
}
