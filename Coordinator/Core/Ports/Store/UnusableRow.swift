/// A row that cannot be used: it is damaged, or a newer aibuild wrote it. It is left out of every
/// list, so that the rest of the farm's records can be used.
public struct UnusableRow: Sendable, Hashable, Codable {
    public var table: String
    public var id: String
    /// What is wrong with it.
    public var reason: String

    public init(table: String, id: String, reason: String) {
        self.table = table
        self.id = id
        self.reason = reason
    }
}

/// Names what the other reads leave out.
public protocol UnusableRowReader: Sendable {
    /// The rows that lists left out since this store was opened and that have not been read since,
    /// by table and id. Bounded: of very many, some are named.
    func unusableRows() async -> [UnusableRow]
}
