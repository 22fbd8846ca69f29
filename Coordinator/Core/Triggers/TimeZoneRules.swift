public import ErrorKit
import TextKit

/// The offsets of a time zone: those of the past as its file lists them, those of the future by its
/// rule.
///
/// It is read here and not by a library: FoundationEssentials has no zones but those of ICU, which
/// the coordinator does not carry, and the C library converts only in the one zone of the process,
/// which is not safe with several threads.
public struct TimeZoneRules: Sendable, Hashable {
    public let name: String
    /// Offsets in seconds east of Greenwich, each from its moment on; the first from ever.
    private let spans: [Span]
    /// After the last span; `nil`: the last one never ends.
    private let rule: PosixZone?

    private struct Span: Sendable, Hashable {
        var begins: Int64
        var offset: Int
    }

    public static let utc = TimeZoneRules(name: "UTC")

    private init(name: String) {
        self.name = name
        spans = [Span(begins: .min, offset: 0)]
        rule = nil
    }

    /// The largest file of the time zone database has some 4 KiB.
    public static let fileBytes = 256 << 10
    private static let nameBytes = 64
    /// More than any zone is away from Greenwich.
    private static let offsets = -26 * 3600...26 * 3600

    /// Why no zone can have this name, which becomes part of a path; `nil` if one can.
    public static func problem(ofName name: String) -> String? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isName =
            name.utf8.count <= nameBytes && (1...3).contains(parts.count)
            && parts.allSatisfy { part in
                isLetter(part.utf8.first ?? 0)
                    && part.utf8.allSatisfy {
                        isLetter($0) || (0x30...0x39).contains($0)
                            || $0 == 0x2D || $0 == 0x2B || $0 == 0x5F
                    }
            }
        return isName
            ? nil
            : "\(name.isEmpty ? "an empty text" : "'\(name.prefix(nameBytes))'") is not the name "
                + "of a time zone, such as Europe/Berlin"
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20)
    }

    /// - Parameter file: TZif, version 2 or newer (RFC 9636).
    public init(name: String, file: [UInt8]) throws(Failure) {
        self.name = name
        guard let content = TZifFile(file) else {
            throw Failure("the file of the time zone '\(name)' is damaged, or of an old version")
        }
        var spans = [Span(begins: .min, offset: content.offsets[0])]
        for (time, type) in zip(content.times, content.types) {
            spans.append(Span(begins: time, offset: content.offsets[Int(type)]))
        }
        rule = content.footer.isEmpty ? nil : PosixZone(content.footer)
        guard rule != nil || content.footer.isEmpty,
            spans.allSatisfy({ Self.offsets.contains($0.offset) }),
            zip(spans, spans.dropFirst()).allSatisfy({ $0.begins < $1.begins })
        else { throw Failure("the file of the time zone '\(name)' is damaged") }
        if let rule, rule.summer == nil, spans.count == 1 {
            spans[0].offset = rule.standard
        }
        self.spans = spans
    }

    // MARK: Conversion

    /// The spans that touch the time between two moments.
    private func spans(from: Int64, through: Int64) -> [Span] {
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low + high) / 2
            if spans[middle].begins <= from { low = middle + 1 } else { high = middle }
        }
        var found = Array(spans[max(low - 1, 0)...].prefix { $0.begins <= through })
        guard let rule, let last = spans.last, through > last.begins else { return found }
        let years = CivilDay.date(CivilDay.floor(seconds: from)).year - 1
        let end = CivilDay.date(CivilDay.floor(seconds: through)).year
        for year in max(years, 1)...max(end, max(years, 1)) {
            for change in rule.changes(inYear: year)
            where change.at > last.begins && change.at <= through {
                found.append(Span(begins: change.at, offset: change.offset))
            }
        }
        let beginning = found.lastIndex { $0.begins <= from } ?? 0
        return Array(found[beginning...])
    }

    public func offset(atUnixSeconds seconds: Int64) -> Int {
        spans(from: seconds, through: seconds).last?.offset ?? 0
    }

    /// The moment of a local time, which is given as if it were UTC. Of two moments, it is the
    /// first; a local time that a change of the clock skips is the first moment after the change.
    func unixSeconds(ofLocal local: Int64) -> Int64 {
        let reach: Int64 = 2 * 86_400
        let near = spans(from: local - reach, through: local + reach)
        for (index, span) in near.enumerated() {
            let moment = local - Int64(span.offset)
            let end = index + 1 < near.count ? near[index + 1].begins : .max
            if moment < end { return max(moment, span.begins) }
        }
        return local
    }
}

/// The parts of a TZif file that matter: the block with 64 bits, and the footer.
private struct TZifFile {
    var times: [Int64] = []
    var types: [UInt8] = []
    var offsets: [Int] = []
    var footer = ""

    private static let headerBytes = 44

    init?(_ bytes: [UInt8]) {
        guard bytes.count <= TimeZoneRules.fileBytes, let old = Counts(bytes[...]),
            old.version >= UInt8(ascii: "2")
        else { return nil }
        let start = Self.headerBytes + old.bytes(ofTime: 4)
        guard start <= bytes.count, let counts = Counts(bytes[start...]), counts.types > 0,
            // Time with leap seconds is not the time of this machine's clock.
            counts.leaps == 0
        else { return nil }
        var at = start + Self.headerBytes
        let end = at + counts.bytes(ofTime: 8)
        guard end < bytes.count, bytes[end] == 0x0A else { return nil }
        for _ in 0..<counts.times {
            times.append(Int64(bitPattern: Self.number(bytes[at..<at + 8])))
            at += 8
        }
        types = Array(bytes[at..<at + counts.times])
        at += counts.times
        for _ in 0..<counts.types {
            offsets.append(
                Int(Int32(truncatingIfNeeded: Self.number(bytes[at..<at + 4]))))
            at += 6
        }
        guard types.allSatisfy({ $0 < counts.types }) else { return nil }
        guard let newline = bytes[(end + 1)...].firstIndex(of: 0x0A) else { return nil }
        footer = String(decoding: bytes[end + 1..<newline], as: UTF8.self)
        // Before anything that can be compared to a rule; no schedule looks there.
        if let time = times.first, time == .min { times.removeFirst(); types.removeFirst() }
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    private struct Counts {
        var version: UInt8
        private var isUT = 0
        private var isStandard = 0
        var leaps = 0
        var times = 0
        var types = 0
        private var characters = 0

        init?(_ bytes: ArraySlice<UInt8>) {
            let start = bytes.startIndex
            guard bytes.count >= TZifFile.headerBytes,
                bytes[start..<start + 4].elementsEqual("TZif".utf8)
            else { return nil }
            version = bytes[start + 4]
            let numbers = (0..<6).map { index in
                Int(TZifFile.number(bytes[start + 20 + index * 4..<start + 24 + index * 4]))
            }
            guard numbers.allSatisfy({ $0 <= TimeZoneRules.fileBytes }) else { return nil }
            isUT = numbers[0]
            isStandard = numbers[1]
            leaps = numbers[2]
            times = numbers[3]
            types = numbers[4]
            characters = numbers[5]
        }

        /// Of the data after the header.
        func bytes(ofTime size: Int) -> Int {
            times * (size + 1) + types * 6 + characters + leaps * (size + 4) + isStandard + isUT
        }
    }
}
