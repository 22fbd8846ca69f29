import CoordinatorCore
import TextKit

/// Keeps which policy is in force, over restarts and changes of the leader.
struct RetentionGate: Sendable {
    let ports: Ports
    let store: any RetentionWriter

    /// The state now, which is stored if it is new.
    /// - Throws: `StoreError`
    func state() async throws -> RetentionState {
        let stored = try await ports.store.retentionState()
        let next = stored.next(
            ports.retention, graceMilliseconds: ports.retentionGraceMilliseconds,
            nowMilliseconds: ports.clock.unixMilliseconds())
        if next != stored { try await store.set(next) }
        return next
    }

    /// - Returns: the policy that may remove now.
    /// - Throws: `Refusal` if none may; `StoreError`
    func policy() async throws -> RetentionPolicy {
        let state = try await state()
        if let policy = state.inForce { return policy }
        guard let begins = state.beginsMilliseconds else {
            throw Refusal(
                .conflict,
                "this coordinator removes nothing: `retention` is not set in coordinator.yml")
        }
        throw Refusal(
            .conflict,
            "retention was switched on and removes nothing before "
                + "\(UTCTime(unixMilliseconds: begins).text) UTC. To see what it would remove: "
                + "aibuild retention --dry-run. To let it begin now: aibuild retention enable")
    }

    /// Ends the delay.
    /// - Throws: `Refusal` if no policy is configured; `StoreError`
    func enable(by actor: String) async throws {
        guard let policy = ports.retention else {
            throw Refusal(
                .conflict,
                "there is nothing to enable: `retention` is not set in coordinator.yml")
        }
        try await store.recording(ports.auditEntry(actor, "retention.enable", "retention"))
            .set(RetentionState(inForce: policy))
    }
}
