/// The limits of the SQL store, each with its reason.
enum StoreLimits {
    /// Unusable rows that are named; nobody repairs more by hand, and a database in which every row
    /// is unusable must not fill the memory.
    static let unusableRows = 1_000
    /// Different plans that are remembered while all builds are read: those of a farm's templates.
    static let plans = 1_000
    /// One statement of a migration copies a table: an hour for a hundred million rows.
    static let migrationStatementSeconds = 3_600
    /// How often a migration is looked after: a lock is reported before anybody wonders.
    static let migrationWatchMilliseconds = 1_000
    /// Tries of a migration at a node of a Galera cluster, a second apart: each step of another
    /// node's takes less. A real obstacle is reported that much later.
    static let clusterMigrationTries = 10
}
