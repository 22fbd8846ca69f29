import SQLKit

/// The rights of this connection's account on its database, as the server lists them.
struct AccountGrants {
    private static let needed = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "INDEX", "DROP", "REFERENCES",
    ]

    /// Empty if every right is there, or if the list cannot be understood.
    let missing: [String]

    init(_ transaction: borrowing SQLTransaction) throws {
        let row = try transaction.query("SELECT DATABASE() AS place").first
        let place = try row?.text("place") ?? ""
        let lines = try transaction.query("SHOW GRANTS").compactMap { row in
            if case .text(let line) = row.values.first ?? .null { line } else { nil }
        }
        missing = Self.missing(lines, database: place)
    }

    static func missing(_ lines: [String], database: String) -> [String] {
        var granted: Set<String> = []
        var isUnderstood = false
        for line in lines {
            guard let match = line.wholeMatch(of: #/GRANT (.+?) ON (?:TABLE )?(\S+)\.\* TO .*/#)
            else { continue }
            isUnderstood = true
            guard matches(pattern: String(match.2), database) else { continue }
            for right in match.1.split(separator: ",") {
                granted.insert(right.split(separator: " ").joined(separator: " ").uppercased())
            }
        }
        guard isUnderstood, !granted.contains("ALL PRIVILEGES") else { return [] }
        return needed.filter { !granted.contains($0) }
    }

    /// A pattern may have `%` and `_`, or these with a backslash for themselves.
    private static func matches(pattern: String, _ database: String) -> Bool {
        let quoted = pattern.hasPrefix("`") || pattern.hasPrefix("\"")
        let inner = quoted ? String(pattern.dropFirst().dropLast()) : pattern
        if inner == "*" { return true }
        return like(Array(inner)[...], Array(database)[...])
    }

    private static func like(
        _ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>
    ) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case "%":
            return like(rest, text) || (!text.isEmpty && like(pattern, text.dropFirst()))
        case "_": return !text.isEmpty && like(rest, text.dropFirst())
        case "\\":
            guard let literal = rest.first else { return false }
            return text.first == literal && like(rest.dropFirst(), text.dropFirst())
        default: return text.first == first && like(rest, text.dropFirst())
        }
    }
}
