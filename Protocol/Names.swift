import TextKit

/// Validation of names. Everything that later becomes a path, a URL or an argument is checked here,
/// once, when it is accepted.
public enum Names {
    /// `nil` if `name` may name a guest OS, host or tag, else what is wrong with it.
    ///
    /// Letters, digits, `.`, `_`, `-`, first a letter or digit, at most `ProtocolLimits.nameBytes`.
    /// ASCII only: the name becomes part of image names, URLs and folder names on many systems.
    public static func problem(_ name: String, what: String = "name") -> String? {
        if let problem = lengthProblem(name, what) { return problem }
        for scalar in name.unicodeScalars where !isPlain(scalar) {
            return "the \(what) \(quoted(name)) contains \(quoted(String(scalar))); "
                + "allowed are A-Z a-z 0-9 . _ -"
        }
        guard let first = name.unicodeScalars.first, first != ".", first != "_", first != "-" else {
            return "the \(what) \(quoted(name)) must begin with a letter or a digit"
        }
        return nil
    }

    /// `nil` if `name` may name a guest OS or an environment, as people write it, else what is
    /// wrong with it: letters and digits of any script, `.`, `_`, `-`, first a letter or digit.
    ///
    /// What becomes a path or a URL is made from it by `fileName(of:)`.
    public static func registeredProblem(_ name: String, what: String = "name") -> String? {
        if let problem = lengthProblem(name, what) { return problem }
        for scalar in name.unicodeScalars where !isPlain(scalar) && !isLetter(scalar) {
            return "the \(what) \(quoted(name)) contains \(quoted(String(scalar))); "
                + "allowed are letters and digits of any script, and . _ -"
        }
        guard let first = name.unicodeScalars.first, isLetter(first) || isPlain(first),
            first != ".", first != "_", first != "-", !isMark(first)
        else { return "the \(what) \(quoted(name)) must begin with a letter or a digit" }
        return nil
    }

    /// A plain name for folders, files and URLs: the name itself if it is one, else what is plain
    /// of it and a digest, so that two names never share one.
    public static func fileName(of name: String) -> String {
        guard problem(name) != nil else { return name }
        let words = Array(
            name.unicodeScalars.split { !isPlain($0) || ".-_".unicodeScalars.contains($0) }
                .joined(separator: "-".unicodeScalars).prefix(40))
        // FNV-1a: names are an administrator's, so nobody looks for two with one digest.
        let digest = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return (words.isEmpty ? "os" : String(String.UnicodeScalarView(words))) + "-"
            + Hex.encode((0..<4).map { UInt8(truncatingIfNeeded: digest >> ($0 * 8)) })
    }

    /// `nil` if `name` may name something that is only displayed, such as a test case, else what is
    /// wrong with it.
    public static func titleProblem(_ name: String, what: String) -> String? {
        if let problem = lengthProblem(name, what) { return problem }
        let isPrintable = !name.unicodeScalars.contains(where: \.isControl)
        guard isPrintable, name.utf8.first != 0x20, name.utf8.last != 0x20 else {
            return "the \(what) \(quoted(name)) has a control character, or a space at an end"
        }
        return nil
    }

    /// Whether `name` is a plain file name: no path separator, no control character, not hidden.
    public static func isFileName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255, name.utf8.first != UInt8(ascii: ".") else {
            return false
        }
        return !name.unicodeScalars.contains { $0 == "/" || $0.isControl }
    }

    /// Whether `path` stays below the folder that it is relative to.
    public static func isInnerPath(_ path: String) -> Bool {
        guard !path.isEmpty, path.utf8.count <= 1024 else { return false }
        guard !path.unicodeScalars.contains(where: \.isControl) else {
            return false
        }
        // An absolute path begins with an empty segment.
        return path.pathSegments.allSatisfy { !$0.isEmpty && $0 != ".." && $0 != "." }
    }

    /// Whether `text` is a SHA-256 in lower-case hexadecimal.
    public static func isSHA256(_ text: String) -> Bool { Hex.isLowerCase(text, count: 64) }

    /// Whether `text` is a SHA-512 in lower-case hexadecimal.
    public static func isSHA512(_ text: String) -> Bool { Hex.isLowerCase(text, count: 128) }

    /// Returns `name` in quotes and bounded for messages, with invisible characters made visible.
    public static func quoted(_ name: String) -> String {
        "'" + name.visible.prefixOfUTF8(200) + "'"
    }

    private static func lengthProblem(_ name: String, _ what: String) -> String? {
        if name.isEmpty { return "the \(what) is empty" }
        guard name.utf8.count > ProtocolLimits.nameBytes else { return nil }
        return "the \(what) has \(name.utf8.count) bytes; "
            + "at most \(ProtocolLimits.nameBytes) are allowed"
    }

    /// Parts of letters that could also be written as one are left out: two names must not look the
    /// same and differ.
    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x80, 0x300...0x36F, 0x1100...0x11FF, 0x3099, 0x309A, 0xFF00...0xFFEF: return false
        default: break
        }
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType == .decimal || isMark(scalar)
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark: true
        default: false
        }
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "_", "-": true
        default: false
        }
    }
}
