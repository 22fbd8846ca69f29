public import FoundationEssentials

/// A moment as it is written in UTC.
public struct UTCTime: Sendable, Hashable {
    public let date: CivilDate
    private let millisecondOfDay: Int

    public init(unixMilliseconds: Int64) {
        date = CivilDate(unixMilliseconds: unixMilliseconds)
        let day: Int64 = 86_400_000
        millisecondOfDay = Int((unixMilliseconds % day + day) % day)
    }

    /// `09:05:00`
    public var clock: String {
        let second = millisecondOfDay / 1000
        return [second / 3600, second / 60 % 60, second % 60].map { $0.zeroPadded(2) }
            .joined(separator: ":")
    }

    /// `2018-11-28 09:05:00`
    public var text: String { date.iso + " " + clock }

    /// `2018-11-28T09:05:00Z`, as RFC 3339 asks.
    public var rfc3339: String { "\(date.iso)T\(clock)Z" }

    /// `2018-11-28T09:05:00.000Z`
    public var rfc3339Milliseconds: String {
        "\(date.iso)T\(clock).\((millisecondOfDay % 1000).zeroPadded(3))Z"
    }
}

extension Date {
    /// Reads a time of RFC 3339, with a fraction or without. Returns `nil` for anything else.
    public init?(rfc3339 text: String) {
        let styles = [true, false].map { Date.ISO8601FormatStyle(includingFractionalSeconds: $0) }
        guard let date = styles.lazy.compactMap({ try? $0.parse(text) }).first else { return nil }
        self = date
    }
}
