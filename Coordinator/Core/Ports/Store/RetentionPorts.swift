/// Reads which retention policy is in force.
public protocol RetentionReader: Sendable {
    func retentionState() async throws -> RetentionState
}

/// Writes it. Every method throws `StoreError.deposed` once another epoch leads.
public protocol RetentionWriter: RecordingWriter {
    func set(_ state: RetentionState) async throws
}
