/// How a terminal shows a run of text: what colour sequences (`ESC [ … m`) ask for.
public struct TerminalStyle: Sendable, Hashable {
    public enum Color: Sendable, Hashable {
        /// One of the eight, or of their bright forms, for which each terminal has its own colours.
        case named(Int)
        case rgb(UInt8, UInt8, UInt8)

        private static let names = [
            "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
        ]

        /// `red`, `brightRed`, `#ff8700`
        public var text: String {
            switch self {
            case .named(let index) where index < 8: return Self.names[index]
            case .named(let index):
                let name = Self.names[index % 8]
                return "bright" + name.prefix(1).uppercased() + name.dropFirst()
            case .rgb(let red, let green, let blue):
                return "#" + Hex.encode([red, green, blue])
            }
        }

        /// Of the palette of 256.
        init(palette index: Int) {
            switch index {
            case ..<16: self = .named(index)
            case 232...:
                let grey = UInt8(8 + (index - 232) * 10)
                self = .rgb(grey, grey, grey)
            default:
                let cube = index - 16
                let parts = [cube / 36, cube / 6 % 6, cube % 6].map {
                    UInt8($0 == 0 ? 0 : 55 + 40 * $0)
                }
                self = .rgb(parts[0], parts[1], parts[2])
            }
        }
    }

    public var color: Color?
    public var background: Color?
    public var isBold = false
    public var isFaint = false
    public var isItalic = false
    public var isUnderlined = false
    public var isInverse = false
    public var isStruck = false

    public init() {}

    /// - Parameter sequences: colour sequences that follow each other.
    init(sequences: String) {
        for sequence in sequences.utf8.split(separator: 0x1B) {
            apply(sequence.dropFirst().dropLast())
        }
    }

    /// - Parameter parameters: of one sequence, between `[` and `m`.
    private mutating func apply(_ parameters: Substring.UTF8View) {
        var codes: [Int] = []
        var hasColourSpace = false
        var last: UInt8?
        var code = 0
        for byte in parameters {
            if byte == UInt8(ascii: ";") || byte == UInt8(ascii: ":") {
                if byte == UInt8(ascii: ":"), last == byte { hasColourSpace = true }
                codes.append(code)
                code = 0
            } else {
                code = min(code * 10 + Int(byte &- 0x30), 9999)
            }
            last = byte
        }
        codes.append(code)
        var at = 0
        while at < codes.count {
            let code = codes[at]
            at += 1
            switch code {
            case 38, 48:
                let color = Self.color(codes, &at, hasColourSpace: hasColourSpace)
                if let color { self[isBackground: code == 48] = color }
            case 30...37: color = .named(code - 30)
            case 40...47: background = .named(code - 40)
            case 90...97: color = .named(code - 82)
            case 100...107: background = .named(code - 92)
            default: apply(attribute: code)
            }
        }
    }

    private mutating func apply(attribute code: Int) {
        switch code {
        case 0: self = TerminalStyle()
        case 1: isBold = true
        case 2: isFaint = true
        case 3: isItalic = true
        case 4: isUnderlined = true
        case 7: isInverse = true
        case 9: isStruck = true
        case 22: (isBold, isFaint) = (false, false)
        case 23: isItalic = false
        case 24: isUnderlined = false
        case 27: isInverse = false
        case 29: isStruck = false
        case 39: color = nil
        case 49: background = nil
        default: break
        }
    }

    private subscript(isBackground isBackground: Bool) -> Color? {
        get { isBackground ? background : color }
        set { if isBackground { background = newValue } else { color = newValue } }
    }

    /// What follows 38 or 48: `5;index` or `2;red;green;blue`. With colons there may be a colour
    /// space before the three.
    private static func color(
        _ codes: [Int], _ at: inout Int, hasColourSpace: Bool
    ) -> Color? {
        guard at < codes.count else { return nil }
        let kind = codes[at]
        at += 1
        if kind == 5 {
            guard at < codes.count else { return nil }
            defer { at += 1 }
            return codes[at] < 256 ? Color(palette: codes[at]) : nil
        }
        guard kind == 2 else { return nil }
        if hasColourSpace { at += 1 }
        let parts = (0..<3).map { at + $0 < codes.count ? UInt8(min(codes[at + $0], 255)) : 0 }
        at += 3
        return .rgb(parts[0], parts[1], parts[2])
    }
}

/// Text of one style.
public struct TerminalRun: Sendable, Hashable {
    public var text: String
    public var style: TerminalStyle
}
