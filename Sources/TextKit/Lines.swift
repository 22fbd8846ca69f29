extension StringProtocol where UTF8View.SubSequence == Substring.UTF8View {
    /// The lines that are not empty, without their ends (`\n` or `\r\n`). Split at bytes, because
    /// Swift takes `\r\n` for one character, which a split at `"\n"` does not find.
    public var lines: [Substring] {
        utf8.split(separator: 0x0A).compactMap { line in
            let line = line.last == 0x0D ? line.dropLast() : line
            return line.isEmpty ? nil : Substring(line)
        }
    }
}
