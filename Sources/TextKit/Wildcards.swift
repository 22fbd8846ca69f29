/// Texts in which `*` stands for any text, compared byte by byte.
public enum Wildcards {
    private static let star = UInt8(ascii: "*")

    /// What a pattern has between its stars, in order; one part if it has none.
    public static func parts(of pattern: String) -> [[UInt8]] {
        pattern.utf8.split(separator: star, omittingEmptySubsequences: false).map(Array.init)
    }

    /// Whether the text has the parts in this order, the first at its beginning and the last at its
    /// end. A star in a part stands for itself.
    public static func matches(_ parts: [[UInt8]], _ text: String) -> Bool {
        guard let first = parts.first, let last = parts.last else { return false }
        var rest = Array(text.utf8)[...]
        if parts.count == 1 { return rest.elementsEqual(first) }
        guard rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let place = rest.firstRange(of: part) else { return false }
            rest = rest[place.upperBound...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
