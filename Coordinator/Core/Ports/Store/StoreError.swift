public import ErrorKit

/// Why the store refused a call or could not answer it.
public typealias StoreError = CodedError<StoreErrorCode>

public enum StoreErrorCode: FailureCode {
    /// The name is taken.
    case exists
    case notFound
    /// The database cannot be used now.
    case unavailable
    /// Another coordinator leads; nothing was changed.
    case deposed

    public var isPermanent: Bool { self == .exists || self == .notFound }
}

extension StoreError {
    public static func exists(what: String, name: String) -> StoreError {
        StoreError(.exists, "there is a \(what) named '\(name)' already")
    }

    public static func notFound(what: String, name: String) -> StoreError {
        StoreError(.notFound, "there is no \(what) named '\(name)'")
    }

    public static func deposed(_ lease: Lease) -> StoreError {
        StoreError(.deposed, "another coordinator leads: \(lease.url) (epoch \(lease.epoch))")
    }
}
