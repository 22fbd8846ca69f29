/// One line of an attempt's `log.ndjson`.
public struct LogRecord: Sendable, Hashable, Codable {
    public enum Stream: String, Sendable, Codable {
        /// Standard output and standard error of the build program.
        case out, err
        /// Messages of the supervisor: phases, timers, faults.
        case sys
    }

    /// What the supervisor says of the log itself.
    public enum Kind: String, Sendable, Codable {
        /// Lines are missing here, or will be.
        case truncated
        /// Secrets were replaced above.
        case masked
        /// No coordinator read the log for a while; nothing is missing.
        case reconnected
    }

    /// Unix time in milliseconds on the host.
    @Bounded<UnixTimeBound> public var t: Int64
    public var s: Stream
    /// The text. Bytes that are not UTF-8 are written as `\xNN`; control characters are kept
    /// (JSON-escaped).
    public var m: String
    /// The line continues in the next record of the same stream.
    public var more: Bool?
    /// Kinds that a newer agent may have are as good as none.
    public var k: Kind?

    public init(t: Int64, s: Stream, m: String, more: Bool? = nil, k: Kind? = nil) {
        self.t = t
        self.s = s
        self.m = m
        self.more = more
        self.k = k
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        _t = try fields.decode(Bounded<UnixTimeBound>.self, forKey: .t)
        s = try fields.decode(Stream.self, forKey: .s)
        m = try fields.decode(String.self, forKey: .m)
        more = try fields.decodeIfPresent(Bool.self, forKey: .more)
        k = try fields.decodeIfPresent(String.self, forKey: .k).flatMap(Kind.init)
    }
}
