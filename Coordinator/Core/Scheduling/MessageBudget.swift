/// How many messages without news one session of a host may send: a burst, which fills up again
/// over time. A working agent sends a few a second.
public struct MessageBudget: Sendable, Hashable {
    private let burst: Int64
    private let perSecond: Int64
    /// In thousandths of a message.
    private var left: Int64
    private var filledMilliseconds: Int64

    public init(burst: Int, perSecond: Int, nowMilliseconds: Int64) {
        self.burst = Int64(burst) * 1000
        self.perSecond = Int64(perSecond)
        left = self.burst
        filledMilliseconds = nowMilliseconds
    }

    /// - Returns: whether the message is within the budget.
    public mutating func take(nowMilliseconds now: Int64) -> Bool {
        let milliseconds = min(max(0, now &- filledMilliseconds), 1_000_000)
        left = min(burst, left + milliseconds * perSecond)
        filledMilliseconds = now
        guard left >= 1000 else { return false }
        left -= 1000
        return true
    }
}
