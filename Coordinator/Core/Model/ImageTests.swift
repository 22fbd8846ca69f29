public import BuildProtocol

/// How the image of a build is tested: what the template's `aibuild.yml` says, and, once a build
/// is submitted, the cases that are registered for its OS type.
public struct ImageTests: Sendable, Hashable, Codable {
    public var plan: TestPlan
    /// Of a test attempt; the image itself comes on top of the disk.
    public var requirements: Requirements
    /// Names of registered cases that do not apply.
    public var skip: [String]

    public init(plan: TestPlan, requirements: Requirements, skip: [String] = []) {
        self.plan = plan
        self.requirements = requirements
        self.skip = skip
    }

    /// Of a template that says nothing of tests.
    public init(requirements: Requirements) {
        self.init(
            plan: TestPlan(),
            requirements: Requirements(
                vcpus: requirements.vcpus, memoryBytes: requirements.memoryBytes,
                diskBytes: Self.overlayBytes, accelerator: requirements.accelerator,
                tags: requirements.tags))
    }

    /// What a guest may write while it is tested.
    public static let overlayBytes: Int64 = 1 << 30

    /// Fetching the image and everything else that has limits of its own; what is left is a hang.
    private static let slackSeconds = 4 * 3600
    private static let longestSeconds = 7 * 86_400

    /// The total is what the cases may take together. No case is silent beyond its own limit.
    public func limits(logBytes: Int64) -> AttemptLimits {
        let cases = plan.cases.reduce(0) { $0 + $1.totalSeconds(in: plan) }
        let total = min(Self.longestSeconds, cases + Self.slackSeconds)
        return AttemptLimits(totalSeconds: total, silenceSeconds: total, logBytes: logBytes)
    }
}
