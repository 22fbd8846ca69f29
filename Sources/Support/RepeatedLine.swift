/// A line of a journal that may come again and again, such as that of a host whose connection does
/// not last: a few are let through, the rest of ten minutes is summed up in the next one.
public struct RepeatedLine: Sendable {
    private static let windowMilliseconds: Int64 = 10 * 60_000
    private static let shown = 3

    private var startMilliseconds: Int64?
    private var count = 0

    public init() {}

    /// - Returns: what to write, if anything.
    public mutating func text(_ text: String, atMilliseconds now: Int64) -> String? {
        if let start = startMilliseconds, now &- start < Self.windowMilliseconds {
            count += 1
            return count <= Self.shown ? text : nil
        }
        let hidden = count - Self.shown
        startMilliseconds = now
        count = 1
        return hidden > 0 ? "\(text) (\(hidden) more such lines were left out)" : text
    }
}
