/// Measures what a coordinator stores.
public protocol StorageMeter: Sendable {
    /// Looks at every file, or counts every row: takes seconds on a large farm.
    func measure(_ data: GrowingData) async throws -> StoredAmount
}

public struct StoredAmount: Sendable, Hashable {
    /// Files, repositories or rows.
    public var items: Int
    /// On the disk; `nil` for rows of a database.
    public var bytes: Int64?

    public init(items: Int, bytes: Int64? = nil) {
        self.items = items
        self.bytes = bytes
    }
}
