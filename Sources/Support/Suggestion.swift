/// "Did you mean …": the word with the fewest typing errors.
public enum Suggestion {
    /// The nearest of `words`, when it is near enough: one error for each three letters.
    public static func nearest(to word: String, in words: Set<String>) -> String? {
        // Longer ones are no slips, and the distance costs the product of the lengths.
        guard word.count <= 64 else { return nil }
        let candidates = words.sorted().map { ($0, distance(word.lowercased(), $0.lowercased())) }
        guard let best = candidates.min(by: { $0.1 < $1.1 }) else { return nil }
        return best.1 <= max(1, min(word.count, best.0.count) / 3) ? best.0 : nil
    }

    /// Letters to insert, delete, replace, or swap with their neighbour.
    private static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a)
        let b = Array(b)
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
