/// The part of a file's name that says what it is.
enum FileEnding {
    /// These say how a file is packed, and what precedes them what is in it: `.img.gz`.
    private static let wrappers: Set = ["gz", "xz", "zst", "bz2", "lz4", "lzma"]
    /// Of an ending: longer ones are part of a name.
    private static let longest = 10

    /// With its dot: `.tar.gz`; `nil` if it has none.
    static func of(_ name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).dropFirst()
        guard let last = parts.last, isEnding(last) else { return nil }
        guard wrappers.contains(last.lowercased()), let inner = parts.dropLast().last,
            isEnding(inner), inner.utf8.contains(where: { !(0x30...0x39).contains($0) })
        else { return "." + last }
        return ".\(inner).\(last)"
    }

    private static func isEnding(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.count <= longest && text.utf8.allSatisfy(isPlain)
    }

    /// Whether the byte is a letter or a digit of ASCII.
    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
