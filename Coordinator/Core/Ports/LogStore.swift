public import BuildProtocol

/// The logs of attempts, byte for byte as they are on the agents' disks.
public protocol LogStore: Sendable {
    /// Appends if `cursor` is not beyond the end of what is stored; bytes that are stored already
    /// are skipped.
    /// - Returns: the new size. Smaller than `cursor` plus the bytes means a gap, and the caller
    ///   asks the agent to continue from there.
    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) async throws -> Int64
    /// 0 if nothing is stored.
    func sizeBytes(_ attempt: AttemptToken) async throws -> Int64
    /// At most `limit` bytes from `cursor`; empty at the end.
    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async throws -> [UInt8]
    /// Makes the log durable and returns its digest.
    func seal(_ attempt: AttemptToken) async throws -> String
    /// Stores the evidence of the guest beside the log, durably. May be repeated.
    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async throws
    /// `nil` if none is stored.
    func evidence(of attempt: AttemptToken) async throws -> GuestEvidence?
    /// Removes the log and its evidence, for a transfer that starts over after a digest mismatch.
    func reset(_ attempt: AttemptToken) async throws
}
