/// One line of an attempt's `log.ndjson`.
public struct LogRecord: Sendable, Hashable, Codable {
    public enum Stream: String, Sendable, Codable {
        /// Standard output and standard error of the build program.
        case out, err
        /// Messages of the supervisor: phases, timers, faults.
        case sys
    }

    /// Unix time in milliseconds on the host.
    @Bounded<UnixTimeBound> public var t: Int64
    public var s: Stream
    /// The text. Bytes that are not UTF-8 are written as `\xNN`; control characters are kept
    /// (JSON-escaped).
    public var m: String
    /// The line continues in the next record of the same stream.
    public var more: Bool?

    public init(t: Int64, s: Stream, m: String, more: Bool? = nil) {
        self.t = t
        self.s = s
        self.m = m
        self.more = more
    }
}
