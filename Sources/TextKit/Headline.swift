/// What of a reason of several lines fits one.
public enum Headline {
    private static let logEnds = "; its log ends:"

    /// The first line, and what that announces.
    public static func of(_ reason: String) -> String {
        let lines = reason.lines
        guard let first = lines.first else { return "" }
        // The first line of the end of a log says little.
        if first.hasSuffix(logEnds) { return String(first.dropLast(logEnds.count)) }
        guard first.last == ":" else { return String(first) }
        let next = lines.dropFirst().first { line in line.contains { $0 != " " } }
        return next.map { "\(first) \($0.drop { $0 == " " })" } ?? String(first.dropLast())
    }
}
