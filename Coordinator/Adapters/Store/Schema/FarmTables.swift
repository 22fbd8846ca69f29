import SQLKit

/// Schema 2: the tables of the farm, beside the historic ones.
///
/// Texts that an agent wrote have wide types: a build whose outcome does not fit a column could
/// never end.
enum FarmTables {
    static let changes: [SchemaChange] =
        guestOSes + builds + attempts + [
            .table(
                "hosts",
                [
                    "name varchar(128) NOT NULL", "address text NOT NULL",
                    "host_key text NOT NULL", "drained integer NOT NULL",
                    "created_ms bigint NOT NULL",
                ], key: "name"),
            .countedTable(
                "audit",
                [
                    "at_ms bigint NOT NULL", "actor text NOT NULL", "action text NOT NULL",
                    "subject text NOT NULL", "detail text NOT NULL",
                ]),
            .index("build_log_time", on: "build_log", "build_at, id"),
            .index("build_log_os", on: "build_log", "os_id, build_at, id"),
        ]

    private static let guestOSes: [SchemaChange] = [
        .columns(
            [
                "template longtext", "owner varchar(128)", "created_ms bigint",
                "last_number integer NOT NULL DEFAULT 0",
            ], of: "guestos"),
        .step { try $0.renameDoubles(in: "guestos", limit: 200) },
        .index("guestos_name", on: "guestos", "name", isUnique: true),
    ]

    private static let builds: [SchemaChange] = [
        .table(
            "builds",
            [
                "id varchar(36) NOT NULL", "guestos_id varchar(36) NOT NULL",
                "guestos varchar(255) NOT NULL", "number integer NOT NULL",
                "state varchar(16) NOT NULL", "live integer NOT NULL",
                "priority integer NOT NULL", "owner varchar(128) NOT NULL",
                "plan longtext NOT NULL", "update_contents text NOT NULL",
                "submitted_ms bigint NOT NULL", "not_before_ms bigint NOT NULL",
                "started_ms bigint", "ended_ms bigint", "attempt varchar(32)",
                "host varchar(128)", "attempt_count integer NOT NULL",
                "cancel_requested integer NOT NULL", "fault_class varchar(32)",
                "fault_code longtext", "fault_reason longtext", "image longtext",
            ], key: "id"),
        .index("builds_number", on: "builds", "guestos, number", isUnique: true),
        // The direction matters: with ascending priority, MariaDB sorts the whole queue for each
        // claim (14 instead of 1,960 a second).
        .index("builds_queue", on: "builds", "live, priority DESC, submitted_ms, id"),
        .index("builds_done", on: "builds", "guestos, state, ended_ms, id"),
        .index("builds_time", on: "builds", "submitted_ms, id"),
        .index("builds_of_guestos", on: "builds", "guestos, submitted_ms, id"),
    ]

    private static let attempts: [SchemaChange] = [
        .table(
            "attempts",
            [
                "token varchar(32) NOT NULL", "build varchar(36) NOT NULL",
                "ordinal integer NOT NULL", "host varchar(128) NOT NULL",
                "started_ms bigint NOT NULL", "ended_ms bigint", "fault_class varchar(32)",
                "fault_code longtext", "fault_reason longtext", "exit_code bigint",
                "log_bytes bigint", "log_sha256 longtext", "accelerator varchar(16)",
                "FOREIGN KEY (build) REFERENCES builds (id)",
            ], key: "token"),
        .index("attempts_of_build", on: "attempts", "build, ordinal"),
        .table(
            "artifacts",
            [
                "attempt varchar(32) NOT NULL", "position integer NOT NULL",
                "name longtext NOT NULL", "size_bytes bigint NOT NULL",
                "sha256 longtext NOT NULL", "format longtext NOT NULL",
                "virtual_size_bytes bigint", "chunk_sha256 longtext NOT NULL",
                "FOREIGN KEY (attempt) REFERENCES attempts (token)",
            ], key: "attempt, position"),
    ]
}

/// Schema 3: the lease of the coordinator that leads. Its one row always exists, so that two
/// concurrent candidates serialize at its lock.
enum LeadershipTable {
    static let changes: [SchemaChange] = [
        .table(
            "leadership",
            [
                "id integer NOT NULL", "epoch bigint NOT NULL", "holder varchar(64) NOT NULL",
                "url text NOT NULL", "expires_ms bigint NOT NULL",
            ], key: "id"),
        .step { transaction in
            do throws(SQLError) {
                try transaction.execute(
                    "INSERT INTO leadership (id, epoch, holder, url, expires_ms) "
                        + "VALUES (1, 0, '', '', 0)")
            } catch {
                // The row exists: this step was interrupted, or runs on two nodes at once.
                guard error.code == .constraintUnique else { throw error }
            }
        },
    ]

    /// Schema 8: what every write of the leader changes. Filled by the next takeover.
    static let fences: [SchemaChange] = [
        .table(
            "leadership_fences",
            ["id integer NOT NULL", "epoch bigint NOT NULL", "writes bigint NOT NULL"], key: "id")
    ]
}
