/// JSON with the place of each value, as strict as Packer's own parser.
struct JSONTree: Sendable {
    indirect enum Content: Sendable {
        case string(String)
        /// A number, `true` or `false`, as written.
        case word(String)
        case null
        case array([JSONTree])
        /// In the order of the file; of duplicate keys the last one counts.
        case object([(key: String, value: JSONTree)])
    }

    var content: Content
    /// Byte offsets of the value.
    var range: Range<Int>

    subscript(key: String) -> JSONTree? { members?.last { $0.key == key }?.value }

    var members: [(key: String, value: JSONTree)]? {
        guard case .object(let members) = content else { return nil }
        return members
    }

    var items: [JSONTree]? {
        guard case .array(let items) = content else { return nil }
        return items
    }

    var text: String? {
        guard case .string(let text) = content else { return nil }
        return text
    }

    /// As Packer converts it to text.
    var scalar: String? {
        switch content {
        case .string(let text), .word(let text): text
        case .null, .array, .object: nil
        }
    }

    var isNull: Bool {
        if case .null = content { true } else { false }
    }

    /// Calls `body` with each string below, keys included, and its place.
    func forEachString(_ body: (String, Int) -> Void) {
        switch content {
        case .string(let text): body(text, range.lowerBound)
        case .array(let items): for item in items { item.forEachString(body) }
        case .object(let members):
            for member in members {
                body(member.key, member.value.range.lowerBound)
                member.value.forEachString(body)
            }
        case .word, .null: break
        }
    }
}

/// What is wrong with a template's text, so that Packer cannot read it either.
public struct UnreadableTemplate: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
}

struct JSONParser {
    private let source: SourceText
    private var bytes: [UInt8] { source.bytes }
    private var position = 0

    static func parse(_ source: SourceText) throws(UnreadableTemplate) -> JSONTree {
        var parser = JSONParser(source: source)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == source.bytes.count else {
            throw parser.problem("something follows the end of the JSON value")
        }
        return value
    }

    private init(source: SourceText) { self.source = source }

    private func problem(_ what: String) -> UnreadableTemplate {
        let place = source.place(min(position, bytes.count))
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        return UnreadableTemplate(
            description: "\(place): the template is not valid JSON: "
                + (hasMark
                    ? "it begins with a byte order mark, which Packer refuses: save it as UTF-8 "
                        + "without one" : what))
    }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            position += 1
        }
    }

    private mutating func take(_ wanted: Character) throws(UnreadableTemplate) {
        guard byte == wanted.asciiValue else { throw problem("expected '\(wanted)'") }
        position += 1
    }

    private mutating func value(depth: Int) throws(UnreadableTemplate) -> JSONTree {
        skipSpace()
        guard depth < PackerLimits.depth else { throw problem("it is nested too deeply") }
        let start = position
        let content: JSONTree.Content
        switch byte {
        case UInt8(ascii: "{"): content = .object(try object(depth))
        case UInt8(ascii: "["): content = .array(try array(depth))
        case UInt8(ascii: "\""): content = .string(try string())
        case nil: throw problem("it ends too early")
        default: content = try word()
        }
        return JSONTree(content: content, range: start..<position)
    }

    private mutating func object(
        _ depth: Int
    ) throws(UnreadableTemplate) -> [(key: String, value: JSONTree)] {
        var members: [(key: String, value: JSONTree)] = []
        position += 1
        skipSpace()
        if byte == UInt8(ascii: "}") {
            position += 1
            return members
        }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw problem("expected a key in quotes") }
            let key = try string()
            skipSpace()
            try take(":")
            members.append((key, try value(depth: depth + 1)))
            skipSpace()
            if byte == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try take("}")
            return members
        }
    }

    private mutating func array(_ depth: Int) throws(UnreadableTemplate) -> [JSONTree] {
        var items: [JSONTree] = []
        position += 1
        skipSpace()
        if byte == UInt8(ascii: "]") {
            position += 1
            return items
        }
        while true {
            items.append(try value(depth: depth + 1))
            skipSpace()
            if byte == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try take("]")
            return items
        }
    }

    private mutating func word() throws(UnreadableTemplate) -> JSONTree.Content {
        let start = position
        while let byte, Self.isWordByte(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if text == "null" { return .null }
        let isNumber =
            text.wholeMatch(of: #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/#) != nil
        guard text == "true" || text == "false" || isNumber else {
            position = start
            throw problem("expected a value")
        }
        return .word(text)
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private mutating func string() throws(UnreadableTemplate) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20:
                position -= 1
                throw problem("a text contains a line break or another control character")
            default: text.append(byte)
            }
        }
        throw problem("a text has no end")
    }

    private mutating func escape() throws(UnreadableTemplate) -> [UInt8] {
        guard let byte else { throw problem("a text has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "u"): return Array(String(try codePoint()).utf8)
        default: throw problem("a text contains an unknown escape")
        }
    }

    private mutating func codePoint() throws(UnreadableTemplate) -> Character {
        let high = try codeUnit()
        let replacement: Character = "\u{FFFD}"
        guard UTF16.isLeadSurrogate(high) else {
            return Unicode.Scalar(high).map(Character.init) ?? replacement
        }
        let before = position
        guard byte == UInt8(ascii: "\\"), position + 1 < bytes.count,
            bytes[position + 1] == UInt8(ascii: "u")
        else { return replacement }
        position += 2
        let low = try codeUnit()
        guard UTF16.isTrailSurrogate(low) else {
            position = before
            return replacement
        }
        let scalar = 0x10000 + (UInt32(high) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
        return Unicode.Scalar(scalar).map(Character.init) ?? replacement
    }

    private mutating func codeUnit() throws(UnreadableTemplate) -> UInt16 {
        let end = position + 4
        guard end <= bytes.count,
            bytes[position..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let unit = UInt16(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
        else { throw problem("a text contains an incomplete \\u escape") }
        position = end
        return unit
    }
}
