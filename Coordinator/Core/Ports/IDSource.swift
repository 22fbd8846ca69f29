public import BuildProtocol

/// Unique identifiers, so that tests and simulations can control randomness.
public protocol IDSource: Sendable {
    func randomToken() -> AttemptToken
    /// A UUID, for rows.
    func randomID() -> String
}
