extension StringProtocol where UTF8View.SubSequence == Substring.UTF8View {
    /// The lines that are not empty, without their ends (`\n` or `\r\n`). Split at bytes, because
    /// Swift takes `\r\n` for one character, which a split at `"\n"` does not find.
    public var lines: [Substring] {
        utf8.split(separator: 0x0A).compactMap { line in
            let line = line.last == 0x0D ? line.dropLast() : line
            return line.isEmpty ? nil : Substring(line)
        }
    }

    /// What is between the newlines, empty lines and the `\r` of `\r\n` included: joined by
    /// newlines again, it is the text.
    public var allLines: [Substring] {
        utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Substring($0) }
    }
}

extension StringProtocol where UTF8View.SubSequence == Substring.UTF8View {
    /// The parts between the slashes, empty ones included. Split at bytes, as the kernel does: a
    /// combining mark behind a slash makes one `Character` of both, which does not equal `"/"`, so
    /// that `..` before it would be missed.
    public var pathSegments: [Substring] {
        utf8.split(separator: 0x2F, omittingEmptySubsequences: false).map { Substring($0) }
    }

    /// Whether the kernel takes it for a path from the root.
    public var isAbsolutePath: Bool { utf8.first == 0x2F }

    public var containsSlash: Bool { utf8.contains(0x2F) }
}
