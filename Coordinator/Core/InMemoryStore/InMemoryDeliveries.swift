import BuildProtocol

/// The deliveries of an in-memory store.
struct InMemoryDeliveries: Sendable {
    private var rows: [Int: (delivery: Delivery, payload: String)] = [:]
    private var ids: [String: [String: Int]] = [:]
    private var last = 0

    subscript(id: Int) -> Delivery? { rows[id]?.delivery }
    func payload(of id: Int) -> String? { rows[id]?.payload }

    mutating func receive(_ delivery: Delivery, _ payload: String) -> Delivery {
        if let id = ids[delivery.hook]?[delivery.key], let known = rows[id] {
            return known.delivery
        }
        last += 1
        var delivery = delivery
        delivery.id = last
        rows[last] = (delivery, payload.prefixOfUTF8(DeliveryRules.payloadBytes))
        ids[delivery.hook, default: [:]][delivery.key] = last
        return delivery
    }

    func list(_ filter: DeliveryFilter, limit: Int) -> [Delivery] {
        let found = rows.values.map(\.delivery).filter { delivery in
            (filter.hook.map { $0 == delivery.hook } ?? true)
                && (filter.states.map { $0.contains(delivery.state) } ?? true)
                && (filter.after.map { delivery.id < $0 } ?? true)
        }
        return Array(found.sorted { $0.id > $1.id }.prefix(limit))
    }

    func due(at milliseconds: Int64, after: Int?, limit: Int) -> [Delivery] {
        let found = rows.values.map(\.delivery).filter {
            $0.state == .queued && $0.id > after ?? 0
                && DeliveryRules.isDue($0.notBeforeMilliseconds, at: milliseconds)
        }
        return Array(found.sorted { $0.id < $1.id }.prefix(limit))
    }

    mutating func update(_ delivery: Delivery, from states: Set<Delivery.State>) -> Bool {
        guard let known = rows[delivery.id]?.delivery else { return false }
        // The change took effect, and its answer was lost.
        if known == delivery { return true }
        guard states.contains(known.state) else { return false }
        rows[delivery.id]?.delivery = delivery
        return true
    }

    mutating func remove(before milliseconds: Int64, keep: Int, limit: Int) -> Int {
        let beyond = rows.keys.sorted(by: >).dropFirst(keep).first ?? 0
        let old = rows.values.map(\.delivery).filter {
            $0.state != .queued
                && ($0.receivedMilliseconds < milliseconds || $0.id <= beyond)
        }.sorted { $0.id < $1.id }.prefix(limit)
        for delivery in old {
            rows[delivery.id] = nil
            ids[delivery.hook]?[delivery.key] = nil
        }
        return old.count
    }
}
