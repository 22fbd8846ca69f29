/// Reads what guest OSes are built for without a push or a person.
public protocol TriggerReader: Sendable {
    func triggerState(ofGuestOS id: String) async throws -> TriggerState?
    /// By the guest OS's id.
    func triggerStates(after: String?, limit: Int) async throws -> StorePage<TriggerState>
}

/// Writes it. Every method throws `StoreError.deposed` once another epoch leads.
public protocol TriggerWriter: Sendable {
    /// Stores the state over the one with its revision, and adds one to that; 0 if there is none.
    /// - Returns: `nil`, without any change, if the stored one has another revision, or the guest
    ///   OS is not registered.
    func save(_ state: TriggerState) async throws -> TriggerState?
}
