import SQLKit

/// Schema 4: environments of several kinds, with sealed secrets, and releases on their way.
enum ReleaseTables {
    static let changes: [SchemaChange] = [
        .columns(["settings longtext", "secret longtext", "created_ms bigint"], of: "envs"),
        .step { try $0.renameDoubles(in: "envs", limit: 50) },
        .index("envs_name", on: "envs", "name", isUnique: true),
        // One historic variant has it instead of env_id; readers of either variant find theirs.
        .historicColumns(["env_name varchar(255)"], of: "release_log"),
        .index("release_log_time", on: "release_log", "release_at, id"),
        .table(
            "releases",
            [
                "id varchar(36) NOT NULL", "build varchar(36) NOT NULL",
                "guestos varchar(255) NOT NULL", "environment varchar(128) NOT NULL",
                "state varchar(20) NOT NULL", "live integer NOT NULL",
                "created_ms bigint NOT NULL", "document longtext NOT NULL",
            ], key: "id"),
        .index("releases_live", on: "releases", "live, created_ms, id"),
        .index("releases_time", on: "releases", "created_ms, id"),
        .index("releases_of_build", on: "releases", "build, created_ms, id"),
        .index(
            "releases_of_place", on: "releases", "environment, guestos, state, created_ms, id"),
    ]
}

/// Schema 5: builds have stages, test cases have definitions, and a result says which part of which
/// attempt's log it comes from.
enum TestTables {
    static let changes: [SchemaChange] = [
        // Builds from before image tests had one stage.
        .columns(["stage varchar(16) NOT NULL DEFAULT 'build'"], of: "builds"),
        .columns(["stage varchar(16) NOT NULL DEFAULT 'build'"], of: "attempts"),
        .columns(["definition longtext"], of: "testcases"),
        .columns(
            [
                "attempt varchar(32)", "milliseconds bigint", "detail longtext",
                "log_from bigint", "log_to bigint",
            ], of: "test_log"),
        .index("test_log_build", on: "test_log", "build_id, test_at, id"),
        .index("testcases_type", on: "testcases", "os_type, name"),
    ]
}

/// Schema 7: pinned and pruned builds.
enum RetentionColumns {
    static let changes: [SchemaChange] = [
        .columns(
            [
                "pinned integer NOT NULL DEFAULT 0", "pruned_ms bigint",
                // The build counts as pruned, and its files may still exist.
                "prune_pending integer NOT NULL DEFAULT 0",
            ], of: "builds"),
        .index("builds_prune", on: "builds", "prune_pending, id"),
        .index("builds_kept", on: "builds", "pruned_ms, submitted_ms, id"),
    ]
}

/// Schema 10: recovery reads the live builds by id, page by page, and lists of builds in a state
/// use an index.
enum PageIndexes {
    static let changes: [SchemaChange] = [
        .index("builds_live", on: "builds", "live, id"),
        .index("builds_state", on: "builds", "state, submitted_ms, id"),
        // The coordinator keeps the queue in memory and orders it there.
        .dropIndex("builds_queue", on: "builds"),
    ]
}
