import CoordinatorCore
import SQLKit

/// Where rows come from, to name one that cannot be used.
struct RowOrigin: Sendable {
    var table: String
    var key = "id"

    /// - Parameter row: has the column `key`.
    func name(of row: SQLRow) -> String {
        switch try? row[key] {
        case .text(let text): text
        case .int(let number): "\(number)"
        default: "?"
        }
    }
}
