public import BuildProtocol

/// The logs of attempts, as files, byte for byte what the agents' disks hold.
public protocol LogStore: Sendable {
    /// Appends when `cursor` is the end of what is stored; bytes that are stored already are
    /// skipped. Returns the size afterwards: smaller than `cursor + bytes` means a gap, and the
    /// caller asks the agent to go on from there.
    func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) async throws -> Int64
    /// 0 where nothing is stored.
    func sizeBytes(_ attempt: AttemptToken) async throws -> Int64
    /// At most `limit` bytes from `cursor`; empty at the end.
    func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) async throws -> [UInt8]
    /// Makes the log durable and returns its digest.
    func seal(_ attempt: AttemptToken) async throws -> String
    /// Keeps what was seen of the guest beside the log, durably. Done twice, it does no harm.
    func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) async throws
    /// `nil` where nothing is kept.
    func evidence(of attempt: AttemptToken) async throws -> GuestEvidence?
    /// Forgets what is stored, the evidence too, for a transfer that begins anew after a digest
    /// mismatch.
    func reset(_ attempt: AttemptToken) async throws
}
