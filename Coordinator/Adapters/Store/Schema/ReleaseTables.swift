import SQLKit

/// Schema 4: environments of several kinds, with sealed secrets, and releases on their way.
enum ReleaseTables {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.addColumns(
            [("settings", "longtext"), ("secret", "longtext"), ("created_ms", "bigint")],
            to: "envs")
        try transaction.renameDoubles(in: "envs", limit: 50)
        try transaction.createIndex("envs_name", on: "envs", "name", isUnique: true)
        // One historic variant has it instead of env_id; readers of either variant find theirs.
        try transaction.addColumns([("env_name", "varchar(255)")], to: "release_log")
        try transaction.createIndex("release_log_time", on: "release_log", "release_at, id")
        try transaction.createTable(
            "releases",
            [
                "id varchar(36) NOT NULL", "build varchar(36) NOT NULL",
                "guestos varchar(255) NOT NULL", "environment varchar(128) NOT NULL",
                "state varchar(20) NOT NULL", "live integer NOT NULL",
                "created_ms bigint NOT NULL", "document longtext NOT NULL",
            ], key: "id")
        try transaction.createIndex("releases_live", on: "releases", "live, created_ms, id")
        try transaction.createIndex("releases_time", on: "releases", "created_ms, id")
        try transaction.createIndex("releases_of_build", on: "releases", "build, created_ms, id")
        try transaction.createIndex(
            "releases_of_place", on: "releases", "environment, guestos, state, created_ms, id")
    }
}

/// Schema 5: builds have stages, test cases have definitions, and a result says which part of which
/// attempt's log it comes from.
enum TestTables {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        // Builds from before image tests had one stage.
        for table in ["builds", "attempts"] {
            try transaction.addColumns(
                [("stage", "varchar(16) NOT NULL DEFAULT 'build'")], to: table)
        }
        try transaction.addColumns([("definition", "longtext")], to: "testcases")
        try transaction.addColumns(
            [
                ("attempt", "varchar(32)"), ("milliseconds", "bigint"), ("detail", "longtext"),
                ("log_from", "bigint"), ("log_to", "bigint"),
            ], to: "test_log")
        try transaction.createIndex("test_log_build", on: "test_log", "build_id, test_at, id")
        try transaction.createIndex("testcases_type", on: "testcases", "os_type, name")
    }
}

/// Schema 7: pinned and pruned builds.
enum RetentionColumns {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.addColumns(
            [
                ("pinned", "integer NOT NULL DEFAULT 0"), ("pruned_ms", "bigint"),
                // The build counts as pruned, and its files may still exist.
                ("prune_pending", "integer NOT NULL DEFAULT 0"),
            ], to: "builds")
        try transaction.createIndex("builds_prune", on: "builds", "prune_pending, id")
        try transaction.createIndex("builds_kept", on: "builds", "pruned_ms, submitted_ms, id")
    }
}
