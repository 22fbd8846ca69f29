public import CoordinatorCore
import SQLKit

/// Rows that the jobs of the original AIBuild report. Both historic variants are served: the ids
/// of the one are looked up, the names of the other are kept as they came.
extension SQLStore {
    public func record(_ entry: BuildLogEntry, guestOS name: String) async throws {
        try await repeatable { transaction in
            let known = try transaction.query(
                "SELECT id FROM build_log WHERE id = ?", [.text(entry.id)])
            guard known.isEmpty else { return }
            var entry = entry
            entry.guestOSID = try transaction.historicID("guestos", name) ?? ""
            try BuildLogRow.insert(entry, guestOS: name, transaction)
        }
    }

    public func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry] {
        try await query(
            BuildLogRow.select + " WHERE image_name = ? ORDER BY build_at DESC, id DESC LIMIT ?",
            [.text(imageName), .int(limit)], BuildLogRow.entry)
    }

    public func record(_ test: HistoricTest) async throws {
        try await repeatable { transaction in
            let known = try transaction.query(
                "SELECT id FROM test_log WHERE id = ?", [.text(test.id)])
            guard known.isEmpty else { return }
            try transaction.execute(
                "INSERT INTO test_log (id, build_id, case_id, image_name, case_name, result, "
                    + "test_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    .text(test.id),
                    .text(
                        orNull: try transaction.historicID(
                            "build_log", test.imageName, column: "image_name")),
                    .text(orNull: try transaction.historicID("testcases", test.caseName)),
                    .text(test.imageName), .text(test.caseName), .text(test.result),
                    .text(SQLDateTime.text(test.testedMilliseconds)),
                ])
        }
    }

    public func record(_ release: HistoricRelease) async throws {
        try await repeatable { transaction in
            let known = try transaction.query(
                "SELECT id FROM release_log WHERE id = ?", [.text(release.id)])
            guard known.isEmpty else { return }
            try ReleaseRow.log(release, transaction)
        }
    }
}

extension SQLTransaction {
    borrowing func historicID(
        _ table: String, _ name: String, column: String = "name"
    ) throws -> String? {
        try query("SELECT MIN(id) AS id FROM \(table) WHERE \(column) = ?", [.text(name)])
            .first?.textOrNil("id")
    }
}
