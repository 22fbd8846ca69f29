/// "Did you mean …": the known word nearest to a mistyped one.
public enum Suggestion {
    /// Longer words are not typing errors, and the cost is the product of the lengths.
    private static let longest = 64

    /// `; did you mean '--json'?`, as the end of a message; `nil` if no word is near.
    public static func hint(
        for typed: String, in known: some Sequence<String>, prefix: String = ""
    ) -> String? {
        nearest(to: typed, in: known).map { "; did you mean '\(prefix)\($0)'?" }
    }

    /// The nearest word with at most one error for every three letters, or else one that begins
    /// with `typed`. Case is ignored.
    public static func nearest(to typed: String, in known: some Sequence<String>) -> String? {
        guard typed.count <= longest else { return nil }
        let word = typed.lowercased()
        let near = known.map { (distance: distance(word, $0.lowercased()), word: $0) }
            .sorted { $0 < $1 }
        if let best = near.first, best.distance < word.count,
            best.distance <= max(1, min(word.count, best.word.count) / 3)
        {
            return best.word
        }
        return near.map(\.word).first { word.count >= 2 && $0.lowercased().hasPrefix(word) }
    }

    /// Letters to insert, delete, replace, or swap with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left)
        let b = Array(right)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
