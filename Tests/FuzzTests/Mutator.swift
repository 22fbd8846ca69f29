import TestSupport

/// Changes valid texts (JSON, YAML) where it hurts: in their numbers, words and structure. Most
/// results are still well-formed, so that they reach what lies behind the parser.
struct Mutator {
    private var random: SeededGenerator

    init(seed: Int) { random = SeededGenerator(seed: seed) }

    private static let numbers = [
        "0", "-1", "1", "255", "65536", "2147483648", "-2147483649", "9007199254740993",
        "4611686018427387904", "9223372036854775807", "-9223372036854775808",
        "9223372036854775808", "1e300", "-1e300", "1.5", "1e-300", "00", "+1",
    ]
    private static let words = [
        "", ".", "..", "../..", "/", "/etc/passwd", "a/../\u{301}b", "\u{600}<script>", "\u{202E}",
        "a\\u0000b", "\\r\\nevent: x", "%2e%2e%2f", "-rf", "$(id)", "null", "true", "~", "*a", "&a",
        "9223372036854775807B", "8192PiB", "106751991167301d", "{{", "]]", "qcow2", "test",
    ]

    /// - Parameter seed: a valid text.
    mutating func mutate(_ seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0..<random.within(1...4) { bytes = step(bytes) }
        return bytes
    }

    private mutating func step(_ bytes: [UInt8]) -> [UInt8] {
        guard !bytes.isEmpty else { return bytes }
        let tokens = Self.tokens(bytes)
        switch random.below(10) {
        case 0...4:
            guard !tokens.isEmpty else { return bytes }
            let token = random.one(of: tokens)
            return replace(token, in: bytes, by: replacement(for: bytes[token]))
        case 5:
            // A piece twice.
            guard tokens.count > 1 else { return bytes }
            let token = random.one(of: tokens)
            return replace(token.upperBound..<token.upperBound, in: bytes, by: Array(bytes[token]))
        case 6:
            // A piece from elsewhere.
            guard tokens.count > 1 else { return bytes }
            let other = Array(bytes[random.one(of: tokens)])
            return replace(random.one(of: tokens), in: bytes, by: other)
        case 7:
            // Without a stretch.
            let start = random.below(bytes.count)
            let end = min(bytes.count, start + random.within(1...40))
            return replace(start..<end, in: bytes, by: [])
        case 8: return Array(bytes.prefix(random.below(bytes.count)))
        default:
            var changed = bytes
            changed[random.below(bytes.count)] = UInt8(random.below(256))
            return changed
        }
    }

    private mutating func replacement(for token: ArraySlice<UInt8>) -> [UInt8] {
        let isText = token.first == UInt8(ascii: "\"")
        switch random.below(8) {
        case 0: return Array(random.one(of: ["null", "[]", "{}", "true", "[[[[]]]]"]).utf8)
        case 1:
            let long = String(repeating: "A", count: random.one(of: [300, 5_000, 70_000]))
            return Array((isText ? "\"\(long)\"" : long).utf8)
        case 2...4 where isText: return Array("\"\(random.one(of: Self.words))\"".utf8)
        case 2...6: return Array(random.one(of: Self.numbers).utf8)
        default: return Array(random.one(of: Self.words).utf8)
        }
    }

    private func replace(_ range: Range<Int>, in bytes: [UInt8], by piece: [UInt8]) -> [UInt8] {
        Array(bytes[..<range.lowerBound]) + piece + bytes[range.upperBound...]
    }

    /// Quoted texts, numbers and bare words.
    private static func tokens(_ bytes: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        while index < bytes.count {
            let start = index
            if bytes[index] == UInt8(ascii: "\"") {
                index += 1
                while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                    index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                index = min(index + 1, bytes.count)
                found.append(start..<index)
            } else if isWord(bytes[index]) {
                while index < bytes.count, isWord(bytes[index]) { index += 1 }
                found.append(start..<index)
            } else {
                index += 1
            }
        }
        return found
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}
