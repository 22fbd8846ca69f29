public import BuildProtocol
public import CoordinatorCore
import FoundationEssentials

/// Identifiers from the system's random number generator.
public struct RandomIDs: IDSource {
    public init() {}

    public func randomToken() -> AttemptToken {
        AttemptToken(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    public func randomID() -> String { UUID().uuidString.lowercased() }
}
