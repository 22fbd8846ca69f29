import BuildProtocol
import CoordinatorCore
import Support

/// The lines of a build that match a pattern, as far as its log was searched. A bit for each line:
/// every match of a log of a million lines is known in 125 kB, however many there are.
final class LogSearch {
    private var matcher: LogMatcher
    private var bits: [UInt64] = []
    private(set) var total = 0
    /// Lines that were searched, of all attempts.
    private(set) var searchedLines = 0
    /// The attempt that is searched, and how far: at the start of a record.
    private(set) var attempt = 0
    private(set) var offset: Int64 = 0
    /// The last line, if it is not complete.
    private var open: (stream: LogRecord.Stream, text: String)?

    init(_ pattern: LogPattern) { matcher = LogMatcher(pattern) }

    /// - Parameter raw: of the log of `attempt`, from `offset` on.
    /// - Returns: whether there were whole records.
    func take(_ raw: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while let newline = ByteSearch.first(0x0A, in: raw, from: start) {
            take(record: UnsafeRawBufferPointer(rebasing: raw[start..<newline]))
            start = newline + 1
        }
        offset += Int64(start)
        return start > 0
    }

    /// There is nothing more for now: a line that is not complete counts as it is.
    func settle() {
        if let open { set(searchedLines - 1, matcher.matches(open.text, of: open.stream)) }
    }

    /// The log of this attempt has ended.
    func goOn() {
        settle()
        open = nil
        attempt += 1
        offset = 0
    }

    private func take(record: UnsafeRawBufferPointer) {
        let head = LogRecordHead(record)
        if open?.stream != head.stream {
            settle()
            open = nil
            searchedLines += 1
            guard head.isContinued else {
                return set(searchedLines - 1, matcher.matches(record, head))
            }
            open = (head.stream, "")
        }
        if let known = open?.text, known.utf8.count < LogLimits.lineBytes {
            open?.text += LogRecord(line: record)?.m ?? ""
        }
        guard !head.isContinued else { return }
        settle()
        open = nil
    }

    // MARK: The matches

    private func set(_ line: Int, _ matches: Bool) {
        let (word, bit) = (line >> 6, UInt64(1) << (line & 63))
        while bits.count <= word { bits.append(0) }
        if matches, bits[word] & bit == 0 {
            bits[word] |= bit
            total += 1
        } else if !matches, bits[word] & bit != 0 {
            bits[word] &= ~bit
            total -= 1
        }
    }

    /// The numbers of the first matches from a line on.
    func matches(from line: Int, limit: Int) -> [Int] {
        var found: [Int] = []
        var index = max(0, line - 1)
        while index >> 6 < bits.count, found.count < limit {
            let rest = bits[index >> 6] >> (index & 63)
            if rest == 0 {
                index = (index >> 6 + 1) << 6
            } else {
                index += rest.trailingZeroBitCount
                found.append(index + 1)
                index += 1
            }
        }
        return found
    }

    /// The numbers of the last matches before a line, in order.
    func matches(before line: Int, limit: Int) -> [Int] {
        var found: [Int] = []
        var index = min(line - 2, bits.count << 6 - 1)
        while index >= 0, found.count < limit {
            let rest = bits[index >> 6] << (63 - index & 63)
            if rest == 0 {
                index = (index & ~63) - 1
            } else {
                index -= rest.leadingZeroBitCount
                found.append(index + 1)
                index -= 1
            }
        }
        return found.reversed()
    }

    func count(before line: Int) -> Int {
        let index = min(max(0, line - 1), bits.count << 6)
        var count = bits[..<(index >> 6)].lazy.map(\.nonzeroBitCount).reduce(0, +)
        if index & 63 > 0, index >> 6 < bits.count {
            count += (bits[index >> 6] & ((1 << (index & 63)) - 1)).nonzeroBitCount
        }
        return count
    }
}
