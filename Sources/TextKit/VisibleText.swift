extension Unicode.Scalar {
    /// Whether it is one of the control characters of ASCII, which have no place in a name, a path
    /// or a line.
    public var isControl: Bool { value < 0x20 || value == 0x7F }
}

extension StringProtocol {
    /// The text on one line, with `\u{1b}` in the place of what a terminal could obey and of what
    /// nobody sees: control and format characters, line and paragraph separators.
    public var visible: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                text += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
