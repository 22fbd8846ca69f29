/// Reads whose status has to be sent to a Git server.
public protocol StatusReader: Sendable {
    /// Those that are due by this time, the longest waiting first.
    func dueStatuses(atMilliseconds: Int64, limit: Int) async throws -> [StatusObligation]
}

/// Writes them. Every method throws `StoreError.deposed` once another epoch leads.
public protocol StatusWriter: Sendable {
    /// The build has changed: its status is due now.
    func oweStatus(ofBuild id: String) async throws
    /// A try failed; nothing happens if the build has changed since.
    func postpone(_ status: StatusObligation) async throws
    /// It was sent, or is given up; nothing happens if the build has changed since.
    func settle(_ status: StatusObligation) async throws
}
