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
