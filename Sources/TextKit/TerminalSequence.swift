/// The escape sequences of ECMA-48, as they stand in the output of programs.
enum TerminalSequence {
    /// A character that is no sequence.
    case text
    /// The end is missing.
    case incomplete
    /// A title, a link, a mode: nothing that changes what a line shows.
    case ignored
    /// `ESC [ parameters final`
    case control(final: Unicode.Scalar, parameters: String)

    /// A title or link is shorter. What is longer was never ended.
    private static let longest = 4096

    /// Takes the character or the sequence at the beginning, which must not be empty.
    static func take(_ rest: inout ArraySlice<Unicode.Scalar>) -> TerminalSequence {
        switch rest.removeFirst() {
        case "\u{1B}": escape(&rest)
        case "\u{9B}": control(&rest)
        case "\u{90}", "\u{98}", "\u{9D}", "\u{9E}", "\u{9F}": string(&rest)
        default: .text
        }
    }

    private static func escape(_ rest: inout ArraySlice<Unicode.Scalar>) -> TerminalSequence {
        guard let kind = rest.first else { return .incomplete }
        switch kind {
        case "[":
            rest.removeFirst()
            return control(&rest)
        case "]", "P", "X", "^", "_":
            rest.removeFirst()
            return string(&rest)
        default:
            // Intermediates, then one final character.
            while let scalar = rest.first, (0x20...0x2F).contains(scalar.value) {
                rest.removeFirst()
            }
            guard let final = rest.first else { return .incomplete }
            if (0x30...0x7E).contains(final.value) { rest.removeFirst() }
            return .ignored
        }
    }

    private static func control(_ rest: inout ArraySlice<Unicode.Scalar>) -> TerminalSequence {
        var parameters = ""
        while let scalar = rest.first {
            // Another sequence or a character of a text: this one was never ended.
            guard (0x20...0x7E).contains(scalar.value) else { return .ignored }
            rest.removeFirst()
            if scalar.value >= 0x40 { return .control(final: scalar, parameters: parameters) }
            parameters.unicodeScalars.append(scalar)
        }
        return parameters.utf8.count < longest ? .incomplete : .ignored
    }

    /// A string up to BEL or `ESC \`.
    private static func string(_ rest: inout ArraySlice<Unicode.Scalar>) -> TerminalSequence {
        for (count, index) in rest.indices.enumerated() {
            let scalar = rest[index]
            if scalar == "\u{7}" || scalar == "\u{9C}" {
                rest = rest[(index + 1)...]
                return .ignored
            }
            if scalar == "\u{1B}" {
                guard index + 1 < rest.endIndex else { return .incomplete }
                rest = rest[index...]
                // The end; any other sequence ends the string as well, and counts.
                if rest[index + 1] == "\\" { rest = rest[(index + 2)...] }
                return .ignored
            }
            if count == longest {
                rest = rest[index...]
                return .ignored
            }
        }
        return .incomplete
    }
}
