/// How long an attempt took.
public struct StageDuration: Sendable, Hashable {
    /// From its start until its slot on the host was free.
    public var hostSeconds: Int
    /// Until its end was recorded: the image is pulled and published meanwhile.
    public var seconds: Int
    /// Where it ran; `nil` if nobody knows.
    public var host: String?

    /// What is longer is an error of a clock.
    private static let range = 0...10 * 365 * 86_400

    /// - Parameter hostSeconds: `nil` if it was not recorded.
    public init(hostSeconds: Int? = nil, seconds: Int, host: String? = nil) {
        self.host = host
        let range = Self.range
        self.seconds = min(max(seconds, range.lowerBound), range.upperBound)
        self.hostSeconds = min(max(hostSeconds ?? self.seconds, range.lowerBound), self.seconds)
    }
}

extension StageDuration {
    /// - Parameter left: `nil` if nobody noticed.
    public init(
        startedMilliseconds start: Int64, leftHostMilliseconds left: Int64?,
        endedMilliseconds end: Int64, host: String? = nil
    ) {
        func seconds(_ moment: Int64) -> Int { Int(clamping: (moment &- start) / 1000) }
        self.init(hostSeconds: left.map(seconds), seconds: seconds(end), host: host)
    }
}

/// How long the last passed stages of a guest OS took, newest first.
public struct UsualDurations: Sendable, Hashable {
    public var build, test: [StageDuration]

    public init(build: [StageDuration] = [], test: [StageDuration] = []) {
        self.build = build
        self.test = test
    }
}
