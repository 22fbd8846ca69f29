/// "did you mean": the known word that is nearest to what was typed.
enum Suggestion {
    /// `"; did you mean '--json'?"`, or nothing where nothing is near.
    static func text(_ typed: String, _ known: some Sequence<String>, prefix: String = "") -> String
    {
        nearest(typed, known).map { "; did you mean '\(prefix)\($0)'?" } ?? ""
    }

    static func nearest(_ typed: String, _ known: some Sequence<String>) -> String? {
        // Longer than any command: not a slip of the finger, and the work stays small.
        guard typed.count <= 32 else { return nil }
        let near = known.map { (distance(typed, $0), $0) }.sorted { $0 < $1 }
        if let (distance, word) = near.first, distance <= max(1, typed.count / 3) { return word }
        return near.map(\.1).first { typed.count >= 2 && $0.hasPrefix(typed) }
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two words.
    static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left)
        let b = Array(right)
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var best = min(
                    rows[i][j] + (a[i] == b[j] ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, rows[i - 1][j - 1] + 1)
                }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
