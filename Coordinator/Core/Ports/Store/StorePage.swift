/// A page of a list that is read as a whole, by id. Rows that cannot be used are left out, so a
/// short page need not be the last.
public struct StorePage<Row: Sendable>: Sendable {
    public var rows: [Row]
    /// The id after which the next page begins; `nil` after the last page.
    public var next: String?

    public init(rows: [Row], next: String?) {
        self.rows = rows
        self.next = next
    }

    /// Reads every page.
    /// - Parameter read: reads the page after an id; `nil` for the first one.
    public static func all(
        isolation: isolated (any Actor)? = #isolation,
        _ read: (_ after: String?) async throws -> StorePage
    ) async throws -> [Row] {
        var rows: [Row] = []
        var after: String?
        repeat {
            let page = try await read(after)
            rows += page.rows
            after = page.next
        } while after != nil
        return rows
    }
}
