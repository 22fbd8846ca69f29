/// Finds the variables that an HCL2 template declares: `variable "x" {` and the attributes of
/// `variables {` at the top level. This is not a parser: it handles comments, strings,
/// here-documents and braces well enough not to be misled. Packer itself validates the template.
struct HCLScanner {
    private let text: [UInt8]
    private var position = 0

    static func variables(_ text: [UInt8]) -> Set<String> {
        var scanner = HCLScanner(text: text)
        return scanner.scan()
    }

    private init(text: [UInt8]) { self.text = text }

    private enum Token: Equatable {
        case word(String)
        case string(String)
        case open, close, equals, newline, other
    }

    private mutating func scan() -> Set<String> {
        var found: Set<String> = []
        var depth = 0
        var line: [Token] = []
        // Depth of a `variables` block's attributes, while in one.
        var isInVariables = false
        while let token = next() {
            switch token {
            case .open:
                if depth == 0 {
                    if line.count == 2, line[0] == .word("variable") {
                        switch line[1] {
                        case .string(let name), .word(let name): found.insert(name)
                        default: break
                        }
                    }
                    isInVariables = line == [.word("variables")]
                }
                depth += 1
                line = []
            case .close:
                depth = max(0, depth - 1)
                if depth == 0 { isInVariables = false }
                line = []
            case .newline: line = []
            case .equals:
                if isInVariables, depth == 1, line.count == 1, case .word(let name) = line[0] {
                    found.insert(name)
                }
                line.append(token)
            default: line.append(token)
            }
        }
        return found
    }

    private func byte(_ offset: Int = 0) -> UInt8? {
        position + offset < text.count ? text[position + offset] : nil
    }

    private mutating func next() -> Token? {
        while let current = byte() {
            switch current {
            case 0x20, 0x09, 0x0D: position += 1
            case UInt8(ascii: "#"): skipLine()
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"): skipLine()
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"): skipComment()
            default: return token(current)
            }
        }
        return nil
    }

    private mutating func token(_ current: UInt8) -> Token {
        switch current {
        case 0x0A:
            position += 1
            return .newline
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "("):
            position += 1
            return .open
        case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ")"):
            position += 1
            return .close
        case UInt8(ascii: "="):
            position += 1
            return .equals
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "<") where byte(1) == UInt8(ascii: "<"): return hereDocument()
        default: return word()
        }
    }

    private mutating func skipLine() {
        while let current = byte(), current != 0x0A { position += 1 }
    }

    private mutating func skipComment() {
        position += 2
        while byte() != nil {
            if byte() == UInt8(ascii: "*"), byte(1) == UInt8(ascii: "/") {
                position += 2
                return
            }
            position += 1
        }
    }

    /// A quoted string. An interpolation `${…}` may contain strings and braces of its own; the
    /// nesting is bounded, because this recurses.
    private mutating func string(depth: Int = 0) -> Token {
        position += 1
        let start = position
        var braces = 0
        while let current = byte() {
            switch current {
            case UInt8(ascii: "\\"): position += 1
            case UInt8(ascii: "$") where byte(1) == UInt8(ascii: "{"),
                UInt8(ascii: "%") where byte(1) == UInt8(ascii: "{"):
                braces += 1
                position += 1
            case UInt8(ascii: "}") where braces > 0: braces -= 1
            case UInt8(ascii: "\"") where braces > 0 && depth < AgentLimits.hclDepth:
                _ = string(depth: depth + 1)
                continue
            case UInt8(ascii: "\""):
                let name = String(decoding: text[start..<position], as: UTF8.self)
                position += 1
                return .string(name)
            default: break
            }
            position += 1
        }
        return .other
    }

    /// `<<NAME` or `<<-NAME`: the lines up to one that holds only NAME.
    private mutating func hereDocument() -> Token {
        position += 2
        if byte() == UInt8(ascii: "-") { position += 1 }
        let nameStart = position
        skipLine()
        let name = Self.trimmed(text[nameStart..<position])
        while position < text.count {
            position += 1
            let start = position
            skipLine()
            if Self.trimmed(text[start..<position]) == name { break }
        }
        return .other
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        line.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
    }

    private mutating func word() -> Token {
        let start = position
        while let current = byte(), Self.isWordByte(current) { position += 1 }
        guard position > start else {
            position += 1
            return .other
        }
        return .word(String(decoding: text[start..<position], as: UTF8.self))
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "-"), 0x80...: true
        default: false
        }
    }
}
