/// Splits HCL2 into tokens. It handles comments, strings and here-documents well enough not to be
/// misled by what they contain.
struct HCLLexer {
    enum Token: Equatable {
        case word(String)
        /// A string without interpolation; `nil` for one with.
        case string(String?)
        case heredoc
        /// One of `{ } [ ] ( ) = , :` or any other byte.
        case mark(Character)
        case newline
    }

    let text: [UInt8]
    let end: Int
    private(set) var position: Int
    /// The first thing that does not end, and where it begins.
    private(set) var unended: (offset: Int, what: String)?

    init(_ text: [UInt8], in range: Range<Int>? = nil) {
        self.text = text
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? text.count
    }

    private func byte(_ offset: Int = 0) -> UInt8? {
        position + offset < end ? text[position + offset] : nil
    }

    /// The next token and where it begins.
    mutating func next() -> (token: Token, start: Int)? {
        while let current = byte() {
            switch current {
            case 0x20, 0x09, 0x0D: position += 1
            case UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"): skipLine()
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"): skipComment()
            default:
                let start = position
                return (token(current), start)
            }
        }
        return nil
    }

    /// The next token, which is not consumed.
    func peek() -> Token? {
        var copy = self
        return copy.next()?.token
    }

    private mutating func token(_ current: UInt8) -> Token {
        switch current {
        case 0x0A:
            position += 1
            return .newline
        case UInt8(ascii: "\""): return .string(string())
        case UInt8(ascii: "<") where byte(1) == UInt8(ascii: "<") && hereName() != nil:
            skipHereDocument()
            return .heredoc
        case _ where Self.isWordByte(current):
            let start = position
            while let current = byte(), Self.isWordByte(current) { position += 1 }
            return .word(String(decoding: text[start..<position], as: UTF8.self))
        default:
            position += 1
            return .mark(Character(Unicode.Scalar(current)))
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "."), 0x80...:
            true
        default: false
        }
    }

    private mutating func skipLine() {
        while let current = byte(), current != 0x0A { position += 1 }
    }

    private mutating func skipComment() {
        let start = position
        position += 2
        while byte() != nil {
            if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                position += 2
                return
            }
            position += 1
        }
        note(start, "this comment is never closed: `*/` is missing")
    }

    private mutating func note(_ start: Int, _ what: String) {
        if unended == nil { unended = (start, what) }
    }

    /// A quoted string. An interpolation `${…}` may contain strings and braces of its own, which
    /// are counted on a stack: a string, or the braces that are open in an interpolation.
    private mutating func string() -> String? {
        enum Level { case string, braces(Int) }
        var levels = [Level.string]
        var value: [UInt8]? = []
        let start = position
        position += 1
        while let level = levels.last, let current = byte() {
            position += 1
            if current == 0x0A, case .string = level, levels.count == 1 {
                note(start, "this text is not closed on its line: `\"` is missing")
            }
            switch (level, current) {
            case (.string, UInt8(ascii: "\\")):
                value? += escape()
            case (.string, UInt8(ascii: "\"")), (.braces(0), UInt8(ascii: "}")):
                levels.removeLast()
            case (.string, UInt8(ascii: "$")), (.string, UInt8(ascii: "%")):
                // `$${` stands for `${`.
                if byte() == current, byte(1) == UInt8(ascii: "{") {
                    value? += [current, UInt8(ascii: "{")]
                    position += 2
                } else if byte() == UInt8(ascii: "{") {
                    position += 1
                    value = nil
                    levels.append(.braces(0))
                } else {
                    value?.append(current)
                }
            case (.string, _): value?.append(current)
            case (.braces, UInt8(ascii: "\"")): levels.append(.string)
            case (.braces(let open), UInt8(ascii: "{")):
                levels[levels.count - 1] = .braces(open + 1)
            case (.braces(let open), UInt8(ascii: "}")):
                levels[levels.count - 1] = .braces(open - 1)
            case (.braces, _): break
            }
        }
        if !levels.isEmpty { note(start, "this text is never closed: `\"` is missing") }
        return value.map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func escape() -> [UInt8] {
        guard let current = byte() else { return [] }
        position += 1
        switch current {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            let stop = min(end, position + (current == UInt8(ascii: "u") ? 4 : 8))
            let digits = String(decoding: text[position..<stop], as: UTF8.self)
            guard let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) else {
                return []
            }
            position = stop
            return Array(String(Character(scalar)).utf8)
        default: return [current]
        }
    }

    /// `<<NAME` or `<<-NAME` at the end of a line.
    private func hereName() -> [UInt8]? {
        let start = position + (byte(2) == UInt8(ascii: "-") ? 3 : 2)
        guard start < end, text[start] != 0x0A else { return nil }
        let line = text[start..<end].prefix { $0 != 0x0A }
        let name = Self.trimmed(line)
        return name.allSatisfy(Self.isWordByte) && !name.isEmpty ? name : nil
    }

    /// The lines up to one that holds only the name.
    private mutating func skipHereDocument() {
        guard let name = hereName() else { return }
        let start = position
        skipLine()
        while position < end {
            position += 1
            let line = position
            skipLine()
            if Self.trimmed(text[line..<position]) == name { return }
        }
        note(
            start,
            "this here-document is never closed: no line holds only "
                + "`\(String(decoding: name, as: UTF8.self))`")
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        line.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
    }
}
