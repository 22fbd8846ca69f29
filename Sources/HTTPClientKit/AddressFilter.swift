/// Which IPv4 addresses a request may connect to. The check is made for each connection, after its
/// name was resolved, so that neither a redirect nor a name leads past it.
public struct AddressFilter: Sendable {
    let allows: @Sendable (_ address: UInt32, _ port: UInt16) -> Bool

    /// - Parameter allows: gets an address as a number, its first byte in the highest place.
    public init(allows: @escaping @Sendable (UInt32) -> Bool) {
        self.allows = { address, _ in allows(address) }
    }

    /// - Parameter allows: gets an address likewise, and a port.
    public init(allowsPort allows: @escaping @Sendable (UInt32, UInt16) -> Bool) {
        self.allows = allows
    }
}
