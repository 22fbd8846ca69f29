/// What a line of a daemon's log is about, as far as it is known.
public struct LogIDs: Sendable, Hashable {
    public var build: String?
    public var attempt: String?
    public var host: String?
    /// Of the request of the API that asked for it, as in its answer's `X-Request-ID`.
    public var request: String?

    public init(
        build: String? = nil, attempt: String? = nil, host: String? = nil, request: String? = nil
    ) {
        self.build = build
        self.attempt = attempt
        self.host = host
        self.request = request
    }

    /// Of what this task does. A task that is begun for it has the same; one that goes on for
    /// longer than what began it sets its own.
    @TaskLocal public static var current = LogIDs()

    /// - Parameter more: what is known here; the rest is as before.
    public func with(_ more: LogIDs) -> LogIDs {
        LogIDs(
            build: more.build ?? build, attempt: more.attempt ?? attempt, host: more.host ?? host,
            request: more.request ?? request)
    }

    var fields: [(key: String, value: String)] {
        [("build", build), ("attempt", attempt), ("host", host), ("request", request)]
            .compactMap { key, value in value.map { (key, $0) } }
    }
}
