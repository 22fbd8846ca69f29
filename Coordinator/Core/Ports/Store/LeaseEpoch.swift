/// The epoch of a lease. Only a lease creates one, so that a write without leadership does not
/// compile.
public struct LeaseEpoch: Hashable, Comparable, Sendable {
    public let number: Int64

    init(_ number: Int64) { self.number = number }

    public static func < (a: LeaseEpoch, b: LeaseEpoch) -> Bool { a.number < b.number }
}
