public import ErrorKit

/// The farm's records, which every coordinator may read. The in-memory, SQLite and MariaDB drivers
/// pass the same conformance suite.
///
/// Every method is atomic, and its effect durable when it returns. Callers limit the length of each
/// list. A list leaves out rows that cannot be used (`unusableRows`); a method that needs such a
/// row throws `StoreError.unusable`.
public protocol Store: StoreReader, AuditLog, DeliveryInbox, SignInCodeBox {
    /// The writes of the leader with this epoch.
    func leading(_ epoch: LeaseEpoch) -> any LeaderStore

    /// Returns once the store has responded, for `/readyz`.
    func ping() async throws
}

/// The reads that need no leadership.
public protocol StoreReader:
    BuildReader, HostReader, CatalogReader, ReleaseReader, HistoricReader, RetentionReader,
    SecretReader, DeliveryReader, StatusReader, TriggerReader,
    NotificationReader, RemoteImageReader, AccessReader, FailureReader, UnusableRowReader
{}

/// The writes that only the leader may make.
///
/// Each method changes nothing and throws `StoreError.deposed` once another epoch leads, even if
/// this coordinator has not noticed yet.
public protocol LeaderStore:
    BuildWriter, HostWriter, CatalogWriter, ReleaseWriter, HistoricWriter, AuditWriter,
    HistoryWriter, RetentionWriter, SecretWriter, DeliveryWriter, StatusWriter, TriggerWriter,
    NotificationWriter, RemoteImageWriter, AccessWriter
{}

/// Why the store refused a call or could not answer it.
public typealias StoreError = CodedError<StoreErrorCode>

public enum StoreErrorCode: FailureCode {
    /// The name is taken.
    case exists
    case notFound
    /// Something else in the database refers to it.
    case inUse
    /// The database cannot be used now.
    case unavailable
    /// Another coordinator leads; nothing was changed.
    case deposed
    /// A row is damaged, or a newer aibuild wrote it. Reading it again does not help.
    case unusable
    /// A secret was encrypted with a key that is lost. It has to be written anew.
    case lost

    public var isPermanent: Bool {
        switch self {
        case .exists, .notFound, .inUse, .unusable, .lost: true
        case .unavailable, .deposed: false
        }
    }
}

extension StoreError {
    public static func exists(what: NamedKind, name: String) -> StoreError {
        StoreError(.exists, "the name '\(name)' is taken by another \(what.rawValue)")
    }

    /// The cause is an `UnknownName`.
    public static func notFound(what: NamedKind, name: String) -> StoreError {
        StoreError(.notFound, cause: UnknownName(what, name))
    }

    public static func deposed(_ lease: Lease) -> StoreError {
        StoreError(.deposed, "another coordinator leads: \(lease.url) (epoch \(lease.epoch))")
    }

    public static func deposed(webRootEpoch epoch: Int64) -> StoreError {
        StoreError(
            .deposed, "another coordinator leads: it writes to the web root (epoch \(epoch))")
    }
}
