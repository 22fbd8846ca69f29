import CoordinatorCore
import SQLKit

/// Finds rows of the historic tables by name, as the original AIBuild did: its tables ignored case,
/// and blanks at the end. A name that is the same byte for byte comes first.
struct HistoricLookup {
    private let table: String
    private let column: String

    init(_ names: HistoricKind) {
        (table, column) =
            switch names {
            case .guestOSes: ("guestos", "name")
            case .environments: ("envs", "name")
            case .images: ("build_log", "image_name")
            }
    }

    func name(like name: String) -> SQLSelect<String> {
        SQLSelect(
            "SELECT id, \(column) FROM \(table) WHERE \(Self.isLike(column)) "
                + "ORDER BY \(column), id LIMIT 1", [.text(name)], of: RowOrigin(table: table)
        ) { [column] in try $0.text(column) }
    }

    /// For the historic columns that hold ids.
    func id(of name: String, _ transaction: borrowing SQLTransaction) throws -> String? {
        try Self.id(table, column, of: name, transaction)
    }

    static func id(
        _ table: String, _ column: String, of name: String,
        _ transaction: borrowing SQLTransaction
    ) throws -> String? {
        for condition in ["\(column) = ?", isLike(column)] {
            let row = try transaction.query(
                "SELECT MIN(id) AS id FROM \(table) WHERE \(condition)", [.text(name)]
            ).first
            if let id = try row?.textOrNil("id") { return id }
        }
        return nil
    }

    private static func isLike(_ column: String) -> String {
        "LOWER(RTRIM(\(column))) = LOWER(RTRIM(?))"
    }
}
