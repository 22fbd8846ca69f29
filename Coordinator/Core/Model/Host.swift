public import BuildProtocol

/// A machine with an agent, as an operator registered it.
public struct Host: Sendable, Hashable, Codable {
    public var name: String
    /// `user@host:port`
    public var address: String
    /// `ssh-ed25519 AAAA…`: the key that an operator confirmed. Any other is refused.
    public var hostKey: String
    /// Set while it takes no new builds.
    public var drain: HostDrain?
    /// Variables that builds there get, over those of their images.
    public var variables: [String: String]
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64

    public init(
        name: String, address: String, hostKey: String, drain: HostDrain? = nil,
        variables: [String: String] = [:], createdMilliseconds: Int64
    ) {
        self.name = name
        self.address = address
        self.hostKey = hostKey
        self.drain = drain
        self.variables = variables
        self.createdMilliseconds = createdMilliseconds
    }
}

/// An operator takes a host out of service: it finishes what was begun there, and takes nothing
/// new.
public struct HostDrain: Sendable, Hashable, Codable {
    /// Why; may be empty.
    public var note: String
    /// What still runs there then is begun anew on other hosts; `nil`: it may take its time.
    @OptionalBounded<UnixTimeBound> public var deadlineMilliseconds: Int64?

    public init(note: String = "", deadlineMilliseconds: Int64? = nil) {
        self.note = note
        self.deadlineMilliseconds = deadlineMilliseconds
    }

    public func isOver(atMilliseconds now: Int64) -> Bool {
        deadlineMilliseconds.map { $0 <= now } ?? false
    }
}
