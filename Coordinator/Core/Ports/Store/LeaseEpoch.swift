/// The epoch of a lease that was held; only a lease gives one, so that a write without leadership
/// does not compile.
public struct LeaseEpoch: Hashable, Comparable, Sendable {
    public let number: Int64

    init(_ number: Int64) { self.number = number }

    public static func < (a: LeaseEpoch, b: LeaseEpoch) -> Bool { a.number < b.number }
}
