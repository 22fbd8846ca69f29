/// Makes untrusted text safe for a terminal: it can colour its own line and do nothing else.
enum SafeText {
    /// The longest colour sequence that is kept; real ones have a dozen characters.
    private static let colourBytes = 48

    /// One line without control characters. With `colours`, colours are kept and end with the line.
    /// Of text overwritten by carriage returns only the last is kept, as a terminal shows it.
    static func line(_ text: String, colours: Bool = false) -> String {
        var kept = String.UnicodeScalarView()
        var isColoured = false
        var scalars = Array(text.unicodeScalars)[...]
        while let last = scalars.last, last == "\r" || last == "\n" { scalars.removeLast() }
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\u{1B}":
                guard let colour = escape(&scalars), colours else { continue }
                kept.append(contentsOf: colour.unicodeScalars)
                isColoured = true
            case "\r":
                kept = String.UnicodeScalarView()
                isColoured = false
            case "\t": kept.append(contentsOf: "    ".unicodeScalars)
            case "\n": kept.append(" ")
            default: if isHarmless(scalar) { kept.append(scalar) }
            }
        }
        return String(kept) + (isColoured ? "\u{1B}[0m" : "")
    }

    /// Several lines, each as by `line`, without colours.
    static func lines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { line(String($0)) }.joined(separator: "\n")
    }

    /// Consumes the escape sequence that starts here; returns it if it is a colour.
    private static func escape(_ scalars: inout ArraySlice<Unicode.Scalar>) -> String? {
        switch scalars.first {
        case "[":
            scalars.removeFirst()
            var parameters = ""
            while let scalar = scalars.popFirst() {
                if (0x40...0x7E).contains(scalar.value) {
                    let isColour =
                        scalar == "m" && parameters.utf8.count <= colourBytes
                        && parameters.utf8.allSatisfy { (0x30...0x3B).contains($0) }
                    return isColour ? "\u{1B}[\(parameters)m" : nil
                }
                if scalar.value < 0x20 { return nil }
                parameters.unicodeScalars.append(scalar)
            }
            return nil
        case "]", "P", "X", "^", "_":
            // A string up to BEL or ESC \: titles, clipboards, links.
            while let scalar = scalars.popFirst() {
                if scalar == "\u{7}" || scalar == "\u{9C}" { return nil }
                if scalar == "\u{1B}", scalars.first == "\\" {
                    scalars.removeFirst()
                    return nil
                }
            }
            return nil
        default:
            // Intermediates, then one final character.
            while let scalar = scalars.first, (0x20...0x2F).contains(scalar.value) {
                scalars.removeFirst()
            }
            if let scalar = scalars.first, (0x30...0x7E).contains(scalar.value) {
                scalars.removeFirst()
            }
            return nil
        }
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0: false  // C0, DEL, C1
        case 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: false  // change direction
        default: true
        }
    }
}
