import CoordinatorCore
import TextKit

/// A range of time for people: `14:10–14:25 UTC, from 31 builds of debian12`.
enum RangeText {
    static func text(_ range: TimeRange) -> String {
        let (from, to) = (
            UTCTime(unixMilliseconds: range.fromMilliseconds),
            UTCTime(unixMilliseconds: range.toMilliseconds)
        )
        let isClose = range.toMilliseconds - range.fromMilliseconds < 120_000
        let digits = isClose ? 8 : 5
        let begin = from.clock.prefix(digits)
        let end = to.clock.prefix(digits)
        let day = from.date == to.date ? "" : "\(to.date.iso) "
        let times = begin == end && day.isEmpty ? "\(begin)" : "\(begin)–\(day)\(end)"
        return times + " UTC" + (range.basis.map { ", from \($0.words)" } ?? "")
    }

    static func text(_ expected: Expected) -> String {
        switch expected {
        case .range(let range, _): text(range)
        case .unknown(let why): "unknown: \(why)"
        }
    }

    static func start(_ waiting: Waiting) -> String {
        waiting.start.map { "starts \(text($0))" }
            ?? "start unknown: \(waiting.etaReason ?? "no estimate")"
    }
}
