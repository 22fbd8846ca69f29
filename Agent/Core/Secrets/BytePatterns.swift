/// Finds any of many byte strings. Every string that occurs has one of the places that are looked
/// at, a stride apart, in its first bytes, and nearly always the three bytes at a place are in no
/// string: then nothing between two places has to be read, however many strings there are.
struct BytePatterns: Sendable {
    /// Sorted by their first two bytes; the longest first among those that share them.
    private let patterns: [[UInt8]]
    /// For the first two bytes of a string, where those that begin with them are in `patterns`.
    private let groups: [UInt16: Range<Int>]
    /// Whether a string begins with this byte.
    private let starts: [Bool]
    /// One bit for each two bytes: whether a string begins with them.
    private let pairs: [UInt64]
    /// How many bytes of each string are looked for at the places; all have as many.
    private let window: Int
    /// One bit for each hash of three bytes: whether they occur there in a string.
    private let blocks: [UInt64]
    private let hashShift: UInt32

    private static let blockBytes = 3
    /// Longer windows make fewer places, and more false alarms.
    private static let windowBytes = 16

    /// - Parameter patterns: of three bytes at least; shorter ones are left out.
    init(_ patterns: some Sequence<[UInt8]>) {
        let patterns = patterns.filter { $0.count >= Self.blockBytes }.sorted {
            let (first, second) = (Self.pair($0), Self.pair($1))
            return first == second ? $0.count > $1.count : first < second
        }
        let window = min(patterns.map(\.count).min() ?? Self.blockBytes, Self.windowBytes)
        let count = patterns.count * (window - Self.blockBytes + 1)
        // Sparse, so that few places are looked at in vain: 8 KiB to 512 KiB.
        var bits: UInt32 = 16
        while bits < 22, count << 6 > 1 << bits { bits += 1 }
        let shift = 32 - bits
        var blocks = [UInt64](repeating: 0, count: patterns.isEmpty ? 0 : 1 << (bits - 6))
        var groups: [UInt16: Range<Int>] = [:]
        var starts = [Bool](repeating: false, count: 256)
        var pairs = [UInt64](repeating: 0, count: patterns.isEmpty ? 0 : 1 << 10)
        for (index, pattern) in patterns.enumerated() {
            starts[Int(pattern[0])] = true
            let key = Self.pair(pattern)
            pairs[Int(key) >> 6] |= 1 << UInt64(key & 63)
            groups[key] = (groups[key]?.lowerBound ?? index)..<index + 1
            pattern.withUnsafeBytes { bytes in
                for place in 0...window - Self.blockBytes {
                    let hash = Self.hash(bytes, place, shift)
                    blocks[hash >> 6] |= 1 << UInt64(hash & 63)
                }
            }
        }
        (self.patterns, self.groups) = (patterns, groups)
        (self.starts, self.pairs) = (starts, pairs)
        (self.window, self.blocks, hashShift) = (window, blocks, shift)
    }

    var isEmpty: Bool { patterns.isEmpty }

    private static func pair(_ bytes: [UInt8]) -> UInt16 {
        UInt16(bytes[0]) << 8 | UInt16(bytes[1])
    }

    @inline(__always)
    private static func hash(
        _ bytes: UnsafeRawBufferPointer, _ place: Int, _ shift: UInt32
    ) -> Int {
        let block =
            UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
        return Int((block &* 0x9E37_79B1) >> shift)
    }

    /// - Returns: the first place from `start` on at which a string may begin; near the end, where
    ///   none fits any more, unless more bytes follow.
    func nextCandidate(
        in bytes: UnsafeRawBufferPointer, from start: Int, isEnd: Bool
    ) -> Int? {
        guard !isEmpty else { return nil }
        let stride = window - Self.blockBytes + 1
        let last = bytes.count - Self.blockBytes
        let found: Int? = blocks.withUnsafeBufferPointer { blocks in
            var place = start
            while place <= last {
                let hash = Self.hash(bytes, place, hashShift)
                if blocks[hash >> 6] >> UInt64(hash & 63) & 1 != 0,
                    let found = candidate(in: bytes, max(start, place - stride + 1)..<place + 1)
                {
                    return found
                }
                place += stride
            }
            return nil
        }
        if found != nil || isEnd { return found }
        let rest = max(start, bytes.count - window + 1)
        guard rest < bytes.count else { return nil }
        if let found = candidate(in: bytes, rest..<bytes.count - 1) { return found }
        return starts[Int(bytes[bytes.count - 1])] ? bytes.count - 1 : nil
    }

    private func candidate(in bytes: UnsafeRawBufferPointer, _ places: Range<Int>) -> Int? {
        pairs.withUnsafeBufferPointer { pairs in
            for place in places {
                let pair = Int(bytes[place]) << 8 | Int(bytes[place + 1])
                if pairs[pair >> 6] >> UInt64(pair & 63) & 1 != 0 { return place }
            }
            return nil
        }
    }

    /// What begins at a place: the length of the longest string there, and whether the bytes end
    /// before a longer one does.
    func match(
        in bytes: UnsafeRawBufferPointer, at place: Int
    ) -> (length: Int?, mayGrow: Bool) {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
        guard rest.count >= 2 else { return (nil, starts[Int(rest[0])]) }
        guard let group = groups[UInt16(rest[0]) << 8 | UInt16(rest[1])] else {
            return (nil, false)
        }
        var mayGrow = false
        for index in group {
            let pattern = patterns[index]
            if pattern.count > rest.count {
                mayGrow = mayGrow || pattern.starts(with: rest)
            } else if rest.starts(with: pattern) {
                return (pattern.count, mayGrow)
            }
        }
        return (nil, mayGrow)
    }
}
