public import BuildProtocol

/// Logs in memory, for tests and simulations; behaves like a log store of files.
public actor InMemoryLogStore: LogStore {
    /// Bytes of each log, by attempt.
    public private(set) var logs: [AttemptToken: [UInt8]] = [:]
    private var evidence: [AttemptToken: GuestEvidence] = [:]
    private let sha256: @Sendable ([UInt8]) -> String

    /// - Parameter sha256: the digest that agents compute as well.
    public init(sha256: @escaping @Sendable ([UInt8]) -> String) { self.sha256 = sha256 }

    public func append(_ attempt: AttemptToken, at cursor: Int64, _ bytes: [UInt8]) -> Int64 {
        let size = sizeBytes(attempt)
        let known = size - cursor
        guard known >= 0, known < bytes.count else { return size }
        logs[attempt, default: []] += bytes[Int(known)...]
        return cursor + Int64(bytes.count)
    }

    /// Whole lines: an agent continues only from the start of a line.
    public func sizeBytes(_ attempt: AttemptToken) -> Int64 {
        guard let log = logs[attempt] else { return 0 }
        let end = log.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        if end < log.count { logs[attempt] = Array(log[..<end]) }
        return Int64(end)
    }

    public func read(_ attempt: AttemptToken, from cursor: Int64, limit: Int) -> [UInt8] {
        guard let log = logs[attempt], cursor >= 0, cursor < log.count else { return [] }
        return Array(log[Int(cursor)...].prefix(limit))
    }

    public func seal(_ attempt: AttemptToken) -> String { sha256(logs[attempt, default: []]) }

    public func keep(_ evidence: GuestEvidence, of attempt: AttemptToken) {
        self.evidence[attempt] = evidence
    }

    public func evidence(of attempt: AttemptToken) -> GuestEvidence? { evidence[attempt] }

    public func reset(_ attempt: AttemptToken) {
        logs[attempt] = nil
        evidence[attempt] = nil
    }
}
