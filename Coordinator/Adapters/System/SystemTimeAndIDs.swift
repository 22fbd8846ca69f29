//! CoordinatorAdapters: the drivers of the Core's ports: SSH, SQL databases, files, Git. Only the
//! composition root names these types.

public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
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

/// Identifiers from the system's random number generator.
public struct RandomIDs: IDSource {
    public init() {}

    public func randomToken() -> AttemptToken {
        AttemptToken(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    public func randomID() -> String { UUID().uuidString.lowercased() }
}
