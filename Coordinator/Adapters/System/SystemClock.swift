//! CoordinatorAdapters: the drivers of the Core's ports: SSH, SQL databases, files, Git. Only the
//! composition root names these types.

public import CoordinatorCore
import Support

/// The machine's clocks.
public struct SystemClock: TimeSource {
    public init() {}

    public func unixMilliseconds() -> Int64 { Clocks.unixMilliseconds() }
    public func monotonicMilliseconds() -> Int64 { Clocks.monotonicMilliseconds() }

    public func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        let rest = deadline - Clocks.monotonicMilliseconds()
        if rest > 0 { try await Task.sleep(for: .milliseconds(rest)) }
    }
}
