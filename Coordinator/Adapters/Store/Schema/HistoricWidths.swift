import SQLKit

/// Schema 14: text columns of the historic tables that a database has narrower than aibuild. The
/// names of images and test cases that are recorded there would not fit, and a build whose results
/// cannot be recorded would never end.
enum HistoricWidths {
    struct Column: Sendable {
        let table, name: String
        let characters: Int

        /// As the dry run says it; `nil` if the column is wide enough, or no text.
        func notice(_ table: SchemaSurvey.Table?) -> String? {
            guard let width = table?.column(name)?.width, width < characters else { return nil }
            return "\(self.table).\(name) takes \(width) characters, and is widened to "
                + "\(characters)"
        }
    }

    static let columns: [Column] = (HistoricTables.changes + HistoricNames.changes)
        .flatMap { change -> [Column] in
            switch change {
            case .historicTable(let table, let columns), .historicColumns(let columns, let table):
                columns.compactMap { column in
                    guard let match = column.firstMatch(of: #/varchar\((\d+)\)/#),
                        let characters = Int(match.1)
                    else { return nil }
                    return Column(table: table, name: column.columnName, characters: characters)
                }
            default: []
            }
        }

    static let changes: [SchemaChange] = [
        .step { transaction in
            for column in columns {
                try transaction.widen(
                    column.name, of: column.table, toCharacters: column.characters)
            }
        }
    ]
}
