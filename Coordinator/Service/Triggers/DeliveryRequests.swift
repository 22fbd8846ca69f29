import BuildProtocol
public import CoordinatorCore

/// What people ask of deliveries: to handle one again, or to let a stranger's merge request be
/// built.
public struct DeliveryRequests: Sendable {
    let ports: Ports
    let store: any DeliveryWriter
    let deliveries: Deliveries

    /// The names of the guest OSes that a delivery had built, or would if it were handled again.
    /// - Throws: `StoreError`
    public func guestOSes(of delivery: Delivery) async throws -> [String] {
        var names = delivery.builds.compactMap { $0.split(separator: ":").first.map(String.init) }
        if let name = delivery.request?.guestOS { names.append(name) }
        if let source = ports.hooks.first(where: { $0.name == delivery.hook }) {
            for report in delivery.reports {
                names += try await source.guestOSes(of: report, in: ports).map(\.name)
            }
        }
        return Set(names).sorted()
    }

    /// Handles a delivery again, as a new one.
    /// - Throws: `Refusal`, `StoreError`
    public func replay(_ delivery: Delivery, by actor: String) async throws -> Delivery {
        guard !delivery.reports.isEmpty || !(delivery.request?.guestOS ?? "").isEmpty else {
            throw Refusal(
                .conflict,
                "delivery \(delivery.id) reports no change that could be built: "
                    + delivery.outcome)
        }
        guard delivery.state != .queued else {
            throw Refusal(.conflict, "delivery \(delivery.id) has not been handled yet")
        }
        var again = Delivery(
            hook: delivery.hook, key: "replay \(ports.ids.randomID())", event: delivery.event,
            receivedMilliseconds: ports.clock.unixMilliseconds(), reports: delivery.reports,
            request: delivery.request, repeats: delivery.id, payloadBytes: delivery.payloadBytes)
        again.approvedBy = delivery.approvedBy
        let payload = try await ports.store.payload(ofDelivery: delivery.id) ?? ""
        let entry = ports.auditEntry(actor, "delivery.replay", "\(delivery.id)")
        let stored = try await ports.store.receive(again, payload: payload) { id in
            var entry = entry
            entry.detail = "as \(id)"
            return entry
        }
        deliveries.wake()
        return stored
    }

    /// Lets the merge request of another project be built.
    /// - Throws: `Refusal`, `StoreError`
    public func approve(_ delivery: Delivery, by actor: String) async throws -> Delivery {
        var approved = delivery
        approved.state = .queued
        approved.approvedBy = actor
        approved.outcome = ""
        let entry = ports.auditEntry(
            actor, "delivery.approve", "\(delivery.id)",
            delivery.reports.first.map { $0.reason($0.commit) } ?? "")
        guard delivery.state == .awaitingApproval,
            try await store.recording(entry).update(approved, from: [.awaitingApproval])
        else {
            throw Refusal(
                .conflict,
                "delivery \(delivery.id) is \(delivery.state.rawValue): only one that waits for "
                    + "approval can be approved")
        }
        deliveries.wake()
        return approved
    }
}
