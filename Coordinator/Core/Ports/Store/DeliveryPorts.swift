/// Reads what hooks delivered.
public protocol DeliveryReader: Sendable {
    func delivery(id: Int) async throws -> Delivery?
    /// The beginning of its body; `nil` if there is no such delivery.
    func payload(ofDelivery id: Int) async throws -> String?
    /// Newest first.
    func deliveries(_ filter: DeliveryFilter, limit: Int) async throws -> [Delivery]
    /// Those to be handled by this time, oldest first, after the one with this id. One that would
    /// wait longer than any does was noted before the clock was set back, and is due.
    func dueDeliveries(
        atMilliseconds: Int64, after: Int?, limit: Int
    ) async throws -> [Delivery]
}

/// Stores what hooks deliver. Every coordinator may do this, not only the leader: a Git server does
/// not follow a redirect.
public protocol DeliveryInbox: Sendable {
    /// - Parameters:
    ///   - delivery: its id is not looked at.
    ///   - payload: at most `DeliveryRules.payloadBytes` of it are kept.
    ///   - entry: makes the entry of the audit log from its id; both are stored together.
    /// - Returns: the stored delivery; the earlier one, unchanged, if the hook delivered one with
    ///   this key before.
    func receive(
        _ delivery: Delivery, payload: String, recording entry: (@Sendable (Int) -> AuditEntry)?
    ) async throws -> Delivery
}

extension DeliveryInbox {
    /// As above, without an entry: it is listed among the deliveries.
    public func receive(_ delivery: Delivery, payload: String) async throws -> Delivery {
        try await receive(delivery, payload: payload, recording: nil)
    }
}

/// Changes deliveries. Every method throws `StoreError.deposed` once another epoch leads.
public protocol DeliveryWriter: RecordingWriter {
    /// Replaces the delivery if it is in one of the states.
    /// - Returns: whether it was.
    func update(_ delivery: Delivery, from states: Set<Delivery.State>) async throws -> Bool
    /// Removes the oldest that have ended, at most `limit`: those received before this time, and
    /// those beyond the newest `keep`.
    /// - Returns: how many were removed.
    func removeDeliveries(before milliseconds: Int64, keep: Int, limit: Int) async throws -> Int
}

public enum DeliveryRules {
    /// Enough to see what a Git server sent; its list of commits may be megabytes.
    public static let payloadBytes = 64 << 10
    /// Longer than deliveries and statuses wait for their next try.
    public static let longestWaitMilliseconds: Int64 = 2 * 3_600_000

    static func isDue(_ notBefore: Int64, at now: Int64) -> Bool {
        notBefore <= now || notBefore > now + longestWaitMilliseconds
    }
}
