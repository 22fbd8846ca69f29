/// How long an attempt took.
public struct StageDuration: Sendable, Hashable {
    /// From its start until its slot on the host was free.
    public var hostSeconds: Int
    /// Until its end was recorded: the image is pulled and published meanwhile.
    public var seconds: Int

    /// What is longer is an error of a clock.
    private static let range = 0...10 * 365 * 86_400

    /// - Parameter hostSeconds: `nil` if it was not recorded.
    public init(hostSeconds: Int? = nil, seconds: Int) {
        let range = Self.range
        self.seconds = min(max(seconds, range.lowerBound), range.upperBound)
        self.hostSeconds = min(max(hostSeconds ?? self.seconds, range.lowerBound), self.seconds)
    }
}

extension StageDuration {
    /// - Parameter left: `nil` if nobody noticed.
    public init(
        startedMilliseconds start: Int64, leftHostMilliseconds left: Int64?,
        endedMilliseconds end: Int64
    ) {
        func seconds(_ moment: Int64) -> Int { Int(clamping: (moment &- start) / 1000) }
        self.init(hostSeconds: left.map(seconds), seconds: seconds(end))
    }

    /// The median of each number.
    /// - Returns: `nil` if there are none.
    public init?(usualOf recent: [StageDuration]) {
        guard !recent.isEmpty else { return nil }
        self.init(
            hostSeconds: recent.map(\.hostSeconds).sorted()[recent.count / 2],
            seconds: recent.map(\.seconds).sorted()[recent.count / 2])
    }
}

/// How long the stages of a guest OS usually take; `nil` if none has passed yet.
public struct UsualDurations: Sendable, Hashable {
    public var build, test: StageDuration?

    public init(build: StageDuration? = nil, test: StageDuration? = nil) {
        self.build = build
        self.test = test
    }
}
