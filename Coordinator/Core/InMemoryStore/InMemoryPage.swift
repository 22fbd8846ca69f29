/// A page of a list, as every store returns it.
enum InMemoryPage {
    /// The rows that match, newest first, after the row `after`; empty if no row has this id.
    static func newestFirst<Row>(
        _ rows: [String: Row], after: String?, limit: Int, by key: (Row) -> (Int64, String),
        where matches: (Row) -> Bool
    ) -> [Row] {
        let last = after.map { rows[$0] }
        if case .some(.none) = last { return [] }
        let rest = rows.values.filter { row in
            matches(row) && (last?.map { key(row) < key($0) } ?? true)
        }
        return Array(rest.sorted { key($0) > key($1) }.prefix(limit))
    }
}
