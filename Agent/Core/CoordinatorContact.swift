public import BuildProtocol

/// Which session of a coordinator follows an attempt, and until when it was there.
public struct CoordinatorContact: Sendable {
    private var session: UInt64?
    private var heardMilliseconds: Int64 = 0
    private var endedMilliseconds: Int64?

    public init() {}

    /// The session said something.
    public mutating func heard(_ session: UInt64, unixMilliseconds now: Int64) {
        if session == self.session { heardMilliseconds = now }
    }

    /// The session is over.
    public mutating func ended(_ session: UInt64, unixMilliseconds now: Int64) {
        if session == self.session { endedMilliseconds = now }
    }

    /// A session begins to follow.
    /// - Returns: the time without one before it, if there was one. A coordinator that takes over
    ///   from another leaves none.
    public mutating func follows(_ session: UInt64, unixMilliseconds now: Int64) -> ContactGap? {
        let last = self
        if session == last.session { return nil }
        self = CoordinatorContact()
        (self.session, heardMilliseconds) = (session, now)
        guard last.session != nil else { return nil }
        // What a network that was cut leaves behind may end long after the last word, or never.
        let isSilent =
            (last.endedMilliseconds ?? now) - last.heardMilliseconds
            > AgentLimits.silentContactMilliseconds
        guard let lost = isSilent ? last.heardMilliseconds : last.endedMilliseconds else {
            return nil
        }
        return ContactGap(lostUnixMilliseconds: lost, backUnixMilliseconds: now)
    }
}

/// A time in which no coordinator read the log of an attempt. A file of the daemon for the
/// supervisor, which alone writes into that log.
public struct ContactGap: Sendable, Hashable, Codable {
    @Bounded<UnixTimeBound> public var lostUnixMilliseconds: Int64
    @Bounded<UnixTimeBound> public var backUnixMilliseconds: Int64

    public init(lostUnixMilliseconds: Int64, backUnixMilliseconds: Int64) {
        self.lostUnixMilliseconds = lostUnixMilliseconds
        self.backUnixMilliseconds = backUnixMilliseconds
    }

    /// For the log, whose reader wonders why it stood still.
    public var words: String {
        let (lost, back) = (Self.clock(lostUnixMilliseconds), Self.clock(backUnixMilliseconds))
        return "the connection to the coordinator was lost at \(lost) UTC and came back at \(back) "
            + "UTC; the build continued, and no output is missing"
    }

    /// The time of the day in UTC.
    private static func clock(_ milliseconds: Int64) -> String {
        let second = milliseconds / 1000 % 86_400
        return [second / 3600, second / 60 % 60, second % 60]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    }
}
