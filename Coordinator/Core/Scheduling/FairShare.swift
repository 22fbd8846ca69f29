/// Recent use of the farm by owner, in slot seconds that lose half their weight every hour: heavy
/// use a day ago no longer counts today.
public struct FairShare: Sendable {
    static let halfLifeMilliseconds = 3_600_000.0

    private var use: [String: (slotSeconds: Double, atMilliseconds: Int64)] = [:]

    public init() {}

    public mutating func add(_ slotSeconds: Double, to owner: String, at now: Int64) {
        use[owner] = (value(of: owner, at: now) + slotSeconds, now)
    }

    /// One slot since `started`.
    public mutating func add(since started: Int64, to owner: String, at now: Int64) {
        add(Double(max(0, now - started)) / 1000, to: owner, at: now)
    }

    public func values(at now: Int64) -> [String: Double] {
        use.reduce(into: [:]) { $0[$1.key] = value(of: $1.key, at: now) }
    }

    private func value(of owner: String, at now: Int64) -> Double {
        guard let entry = use[owner] else { return 0 }
        let halvings = Double(max(0, now - entry.atMilliseconds)) / Self.halfLifeMilliseconds
        return entry.slotSeconds * halve(halvings)
    }

    /// 2^-x for x >= 0: whole halvings by division, the rest by linear interpolation. Exactness
    /// does not matter here, and the Core imports no mathematics.
    private func halve(_ halvings: Double) -> Double {
        guard halvings < 60 else { return 0 }
        let whole = halvings.rounded(.down)
        var factor = 1.0
        for _ in 0..<Int(whole) { factor /= 2 }
        return factor * (1 - (halvings - whole) / 2)
    }
}
