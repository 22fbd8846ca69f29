import CoordinatorAdapters
import Glibc
import SQLKit
import Support

/// `aibuild-coordinator db migrate`: upgrades a database to this program's schema, and prints its
/// state before and after. A coordinator does the same when it starts; this command allows a look
/// beforehand.
enum DatabaseCommand {
    /// For a person: unlike a log's, its lines are lines.
    static func run(_ configuration: Configuration, isDryRun: Bool) async throws {
        do { print(try await migrate(configuration, isDryRun: isDryRun), terminator: "") } catch {
            say("\(error)")
            exit(1)
        }
    }

    private static func say(_ text: String) {
        let bytes = Array("aibuild-coordinator: \(text)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func migrate(
        _ configuration: Configuration, isDryRun: Bool
    ) async throws -> String {
        let location = configuration.location
        if case .sqlite(let path) = location, !Files.exists(path) {
            return "There is no database yet: \(path). The coordinator creates it when it starts.\n"
        }
        let before = try await SQLStore.inspect(location)
        var text = "This is \(before.origin.rawValue)"
        text += before.version > 0 ? ", schema \(before.version).\n" : ".\n"
        text += rows(before)
        guard before.version < before.newestVersion || before.clearPasswords > 0 else {
            return text + "It is up to date; nothing is to be done.\n"
        }
        guard before.obstacles.isEmpty else {
            throw Failure(
                text + plan(before) + "It cannot be migrated as it is; nothing was changed.\n"
                    + before.obstacles.map { "- \($0)\n" }.joined()
                    + "Then run this command again.")
        }
        if isDryRun {
            return text + plan(before) + "Nothing was changed (--dry-run).\n"
        }
        try Files.makeFolder(configuration.sharedState, mode: 0o750)
        let store = try await SQLStore.open(
            location, keys: configuration.sealingKeys(),
            say: say)
        await store.close()
        let after = try await SQLStore.inspect(location)
        for (old, new) in zip(before.rows, after.rows) where new.count < old.count {
            throw Failure("\(old.table) had \(old.count) rows and has \(new.count) now")
        }
        return text + plan(before) + "Done: schema \(after.version).\n" + rows(after)
    }

    private static func plan(_ report: SchemaReport) -> String {
        var text = ""
        if report.version < report.newestVersion {
            text +=
                "- schema \(report.version) to \(report.newestVersion): tables and columns are "
                + "added, none is removed\n"
        }
        for double in report.doubles {
            text +=
                "- \(double) stands there more than once: all but the first get the beginning "
                + "of their id behind the name\n"
        }
        if report.clearPasswords > 0 {
            text +=
                "- passwords in clear text: \(report.clearPasswords); they are sealed, and the "
                + "column password is empty afterwards\n"
        }
        return text + report.notices.map { "- \($0)\n" }.joined()
    }

    private static func rows(_ report: SchemaReport) -> String {
        report.rows.map { "  \($0.table): \($0.count) row\($0.count == 1 ? "" : "s")\n" }.joined()
    }
}
