/// Finds what no HCL2 parser can read: texts, comments and brackets that are not closed. Everything
/// else, such as a setting that a plugin does not have, is left to Packer.
enum HCLSyntax {
    private static let closing: [Character: Character] = ["{": "}", "[": "]", "(": ")"]

    /// The first mistake, and where it is; `nil` if there is none.
    static func problem(in text: [UInt8]) -> (offset: Int, what: String)? {
        var lexer = HCLLexer(text)
        var open: [(mark: Character, offset: Int)] = []
        while let (token, start) = lexer.next() {
            if let unended = lexer.unended { return unended }
            guard case .mark(let mark) = token else { continue }
            switch mark {
            case "{", "[", "(": open.append((mark, start))
            case "}", "]", ")":
                guard let last = open.popLast() else {
                    return (start, "this `\(mark)` closes nothing")
                }
                guard let wanted = closing[last.mark], wanted != mark else { continue }
                return (
                    start,
                    "this `\(mark)` cannot close the `\(last.mark)` of line "
                        + "\(line(of: last.offset, text)): `\(wanted)` is missing"
                )
            case "'": return (start, "`'` quotes nothing: write `\"`")
            default: break
            }
        }
        if let unended = lexer.unended { return unended }
        return open.last.map { last in
            (
                last.offset,
                "this `\(last.mark)` is never closed: `\(closing[last.mark] ?? "}")` is missing"
            )
        }
    }

    private static func line(of offset: Int, _ text: [UInt8]) -> Int {
        1 + text[..<offset].count { $0 == 0x0A }
    }
}
