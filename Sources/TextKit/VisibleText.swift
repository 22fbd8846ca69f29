extension Unicode.Scalar {
    /// Whether it is an ASCII control character, which is not allowed in a name, a path or a line.
    public var isControl: Bool { value < 0x20 || value == 0x7F }

    /// Whether it is a control or format character, or a line or paragraph separator: it cannot be
    /// seen, or moves what can be.
    public var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }
}

extension StringProtocol {
    /// The text on one line, with invisible characters and terminal controls escaped as `\u{1b}`:
    /// control and format characters, line and paragraph separators.
    public var visible: String {
        // Nearly every line: printable ASCII needs no look at each scalar's category.
        if utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return String(self) }
        return unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isInvisible {
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}

extension BinaryInteger {
    /// The digits with zeros before them, so that there are at least `width`.
    public func zeroPadded(_ width: Int, radix: Int = 10) -> String {
        let digits = String(magnitude, radix: radix)
        let zeros = String(repeating: "0", count: max(0, width - digits.count))
        return (self < 0 ? "-" : "") + zeros + digits
    }
}

extension String {
    /// The text with spaces after it, so that it takes at least `width` columns.
    public func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
