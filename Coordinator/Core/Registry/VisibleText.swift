/// Characters that spreadsheet programs, web pages and chats put into texts, and nobody sees.
enum VisibleText {
    /// Marks of byte order, of direction and of places where a word may be divided, and joints.
    static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xAD, 0x61C, 0x180E, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// Joints decide how some scripts are written, inside a word.
    private static func isJoint(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0x200C || scalar.value == 0x200D
    }

    /// The ASCII form of a letter as wide as a Chinese character; other characters as they are.
    static func narrow(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0xFF01...0xFF5E).contains(scalar.value) else { return scalar }
        return Unicode.Scalar(scalar.value - 0xFEE0) ?? scalar
    }

    /// The text without white space and invisible characters at its ends, and without those inside
    /// that are no joints. Other blanks inside become spaces.
    static func cleaned(_ text: String) -> String {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
        func isOuter(_ scalar: Unicode.Scalar) -> Bool { isBlank(scalar) || isInvisible(scalar) }
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !isOuter($0) }),
            let last = scalars.lastIndex(where: { !isOuter($0) })
        else { return "" }
        var cleaned = String.UnicodeScalarView()
        for scalar in scalars[first...last] where isJoint(scalar) || !isInvisible(scalar) {
            cleaned.append(isBlank(scalar) && scalar.value >= 0x80 ? " " : scalar)
        }
        return String(cleaned)
    }

    static func hasInvisible(_ text: String) -> Bool {
        text.unicodeScalars.contains { isInvisible($0) && !isJoint($0) }
    }
}
