/// A request could not be fulfilled.
public struct ErrorReport: Sendable, Hashable, Codable {
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// Major protocol mismatch; the session ends.
        case version
        /// A coordinator of a higher epoch leads; the session ends.
        case deposed
        /// The line was not a JSON object, was too long, or had a wrong field. The session
        /// continues.
        case malformed
        /// A type of message that is unknown to this side. The session continues.
        case unknownType
        /// `start` named a template archive that is not on the agent's disk: deliver it, then send
        /// `start` again.
        case templateMissing
        /// `start` is refused: no slot, disk or memory at present.
        case refused
        /// The agent does not have the attempt (any more).
        case unknownAttempt
        /// The agent's daemon is not running; sent by the gate.
        case noDaemon
        case `internal`
    }

    public var code: Code
    @BoundedText<ReasonBound> public var message: String
    public var attempt: AttemptToken?

    public init(code: Code, message: String, attempt: AttemptToken? = nil) {
        self.code = code
        self.message = message
        self.attempt = attempt
    }
}
