public import ErrorKit
import TextKit

/// The five fields of a cron schedule. As in Vixie cron, a day matches if either of the day of the
/// month and the day of the week does, if both are restricted.
public struct CronSchedule: Sendable, Hashable {
    /// As it was written.
    public let text: String
    /// Bit n is set if n matches.
    let minutes: UInt64
    let hours: UInt64
    let days: UInt64
    let months: UInt64
    /// From 0, Sunday.
    let weekdays: UInt64
    private let takesEitherDay: Bool

    /// Enough for lists of every minute.
    private static let textBytes = 512

    private static let names = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
        "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *",
        "@annually": "0 0 1 1 *",
    ]

    public init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.textBytes else {
            throw Failure("the schedule is longer than \(Self.textBytes) bytes")
        }
        self.text = text
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let trimmed = text.utf8.split(whereSeparator: isBlank).compactMap { String($0) }
        var fields = trimmed
        if let first = trimmed.first, first.hasPrefix("@") {
            guard trimmed.count == 1, let meaning = Self.names[first.lowercased()] else {
                throw Failure(
                    "'\(text)' is no schedule: use @hourly, @daily, @weekly, @monthly, @yearly or "
                        + "five fields")
            }
            fields = meaning.split(separator: " ").map(String.init)
        }
        guard fields.count == 5 else {
            throw Failure(
                "'\(text)' has \(fields.count) fields: a schedule has five, minute, hour, day of "
                    + "the month, month and day of the week, such as '0 3 * * 1'")
        }
        minutes = try CronField.minute.bits(fields[0])
        hours = try CronField.hour.bits(fields[1])
        days = try CronField.day.bits(fields[2])
        months = try CronField.month.bits(fields[3])
        weekdays = try CronField.weekday.bits(fields[4])
        takesEitherDay = !fields[2].hasPrefix("*") && !fields[4].hasPrefix("*")
        guard takesEitherDay || Self.canMatch(days, in: months) else {
            throw Failure(
                "'\(text)' never comes: no month that it names has such a day. Days after the 28th "
                    + "need a month that has them")
        }
    }

    private static let monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    private static func canMatch(_ days: UInt64, in months: UInt64) -> Bool {
        let first = days.trailingZeroBitCount
        return (1...12).contains { months.hasBit($0) && first <= monthDays[$0 - 1] }
    }

    /// - Parameter dayNumber: from 1 January 1970, a Thursday.
    func matches(_ date: CivilDate, dayNumber: Int64) -> Bool {
        guard months.hasBit(date.month) else { return false }
        let isDay = days.hasBit(date.day)
        let isWeekday = weekdays.hasBit(Int((dayNumber % 7 + 11) % 7))
        return takesEitherDay ? isDay || isWeekday : isDay && isWeekday
    }
}

extension UInt64 {
    func hasBit(_ bit: Int) -> Bool { self >> UInt64(bit) & 1 == 1 }
}

/// One of the five fields.
private struct CronField {
    let title: String
    let range: ClosedRange<Int>
    /// The words for the first values.
    var words: [Substring] = []

    static let minute = CronField(title: "minute", range: 0...59)
    static let hour = CronField(title: "hour", range: 0...23)
    static let day = CronField(title: "day of the month", range: 1...31)
    static let month = CronField(
        title: "month", range: 1...12,
        words: "jan feb mar apr may jun jul aug sep oct nov dec".split(separator: " "))
    /// 7 is Sunday too.
    static let weekday = CronField(
        title: "day of the week", range: 0...7,
        words: "sun mon tue wed thu fri sat".split(separator: " "))

    private func problem(_ text: some StringProtocol, _ why: String) -> Failure {
        Failure("'\(text)' is no \(title): \(why)")
    }

    func bits(_ field: String) throws(Failure) -> UInt64 {
        var bits: UInt64 = 0
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            bits |= try self.bits(part: part)
        }
        if range.upperBound == 7, bits.hasBit(7) { bits = bits & 0x7F | 1 }
        return bits
    }

    private func bits(part: Substring) throws(Failure) -> UInt64 {
        let pieces = part.split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var step = 1
        if pieces.count == 2 {
            guard let number = Self.number(pieces[1]), (1...range.upperBound).contains(number)
            else { throw problem(part, "a step is a number from 1 to \(range.upperBound)") }
            step = number
        }
        let values = try self.values(pieces[0], isStepped: pieces.count == 2)
        return stride(from: values.lowerBound, through: values.upperBound, by: step)
            .reduce(0) { $0 | 1 << UInt64($1) }
    }

    private func values(
        _ text: Substring, isStepped: Bool
    ) throws(Failure) -> ClosedRange<Int> {
        if text == "*" {
            return range.lowerBound...(range.upperBound == 7 ? 6 : range.upperBound)
        }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(ends[0])
        guard ends.count == 2 else {
            if isStepped { throw problem(text, "a step needs * or a range before it") }
            return first...first
        }
        var last = try value(ends[1])
        if range.upperBound == 7, last == 0, first > 0 { last = 7 }
        guard first <= last else { throw problem(text, "the range ends before it begins") }
        return first...last
    }

    private func value(_ text: Substring) throws(Failure) -> Int {
        if let index = words.firstIndex(of: Substring(text.lowercased())) {
            return range.lowerBound + index
        }
        guard let number = Self.number(text), range.contains(number) else {
            let words = words.isEmpty ? "" : " or \(words.joined(separator: ", "))"
            throw problem(
                text, "expected a number from \(range.lowerBound) to \(range.upperBound)\(words)")
        }
        return number
    }

    /// Of digits alone.
    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int(text)
    }
}
