public import BuildProtocol

/// A machine with an agent, as an operator registered it.
public struct Host: Sendable, Hashable, Codable {
    public var name: String
    /// `user@host:port`
    public var address: String
    /// `ssh-ed25519 AAAA…`: the key that an operator confirmed. Any other is refused.
    public var hostKey: String
    /// Takes no new builds; running ones continue.
    public var drained: Bool
    @Bounded<UnixTimeBound> public var createdMilliseconds: Int64

    public init(
        name: String, address: String, hostKey: String, drained: Bool = false,
        createdMilliseconds: Int64
    ) {
        self.name = name
        self.address = address
        self.hostKey = hostKey
        self.drained = drained
        self.createdMilliseconds = createdMilliseconds
    }
}
