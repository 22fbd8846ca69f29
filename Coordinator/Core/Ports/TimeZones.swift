public import ErrorKit

/// The time zones that this machine knows.
public protocol TimeZones: Sendable {
    /// - Throws: `Failure` with a sentence if there is no zone of this name, or it is damaged.
    func rules(of name: String) throws(Failure) -> TimeZoneRules
}

/// Only UTC, for tests and simulations.
public struct NoTimeZones: TimeZones {
    public init() {}

    public func rules(of name: String) throws(Failure) -> TimeZoneRules {
        guard name == "UTC" else { throw Failure("the time zone '\(name)' is not known here") }
        return .utc
    }
}
