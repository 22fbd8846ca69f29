//! BuildProtocol: the types that coordinator, agent and CLI share: messages, the line codec, states
//! with their legal transitions, names and limits. Pure: no clock, randomness, task, file or
//! socket.

/// The version of the protocol between coordinator and agent.
///
/// A different `major` is refused by both ends with a sentence that says which to upgrade; a
/// different `minor` only adds optional fields and is accepted.
public struct ProtocolVersion: Sendable, Hashable, Codable {
    @Bounded<CountBound> public var major: Int
    @Bounded<CountBound> public var minor: Int

    public init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    public static let current = ProtocolVersion(major: 1, minor: 1)

    /// The first line that an agent's gate prints. The coordinator skips what a login shell prints
    /// before it, and shows that to the operator if this line never comes.
    public static let magicLine = "AIBUILD-AGENT-PROTOCOL"

    /// `nil` if the versions are compatible, else what the operator must do.
    public func refusal(coordinator: ProtocolVersion, host: String) -> String? {
        guard major != coordinator.major else { return nil }
        let older = major < coordinator.major ? "the agent on \(host)" : "the coordinator"
        return "the agent on \(host) speaks protocol \(self), the coordinator \(coordinator): "
            + "upgrade \(older)"
    }
}

extension ProtocolVersion: CustomStringConvertible {
    public var description: String { "\(major).\(minor)" }
}
