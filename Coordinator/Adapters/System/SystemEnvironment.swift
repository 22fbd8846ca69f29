//! CoordinatorAdapters: the Core's ports on real things: SSH, SQL databases, files, Git. Only the
//! composition root names these types.

public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials
import Support

/// The machine's clocks and random numbers.
public struct SystemEnvironment: Environment {
    public init() {}

    public func unixMilliseconds() -> Int64 { Clocks.unixMilliseconds() }
    public func monotonicMilliseconds() -> Int64 { Clocks.monotonicMilliseconds() }

    public func sleep(untilMonotonicMilliseconds deadline: Int64) async throws {
        let rest = deadline - Clocks.monotonicMilliseconds()
        if rest > 0 { try await Task.sleep(for: .milliseconds(rest)) }
    }

    public func randomToken() -> AttemptToken {
        AttemptToken(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    public func randomID() -> String { UUID().uuidString.lowercased() }
}
