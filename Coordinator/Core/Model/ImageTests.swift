public import BuildProtocol

/// How the image of a build is tested: the tests of the template's `aibuild.yml` and, once a build
/// is submitted, the cases that are registered for its OS type.
public struct ImageTests: Sendable, Hashable, Codable {
    public var plan: TestPlan
    /// Of a test attempt. The size of the image is added to the disk.
    public var requirements: Requirements
    /// Names of registered cases that do not apply.
    public var skip: [String]

    public init(plan: TestPlan, requirements: Requirements, skip: [String] = []) {
        self.plan = plan
        self.requirements = requirements
        self.skip = skip
    }

    /// For a template without tests.
    public init(requirements: Requirements) {
        self.init(
            plan: TestPlan(),
            requirements: Requirements(
                vcpus: requirements.vcpus, memoryBytes: requirements.memoryBytes,
                diskBytes: Self.overlayBytes, accelerator: requirements.accelerator,
                tags: requirements.tags))
    }

    /// What a guest may write during its tests.
    public static let overlayBytes: Int64 = 1 << 30

    /// For fetching the image and other steps that have limits of their own; beyond it, the attempt
    /// hangs.
    private static let slackSeconds = 4 * 3600
    private static let longestSeconds = 7 * 86_400

    /// The total is the sum of the cases' limits. No case may be silent beyond its own limit.
    public func limits(logBytes: Int64) -> AttemptLimits {
        let cases = plan.cases.map { $0.totalSeconds(in: plan) }.clampedSum()
        let total = min(Self.longestSeconds - Self.slackSeconds, cases) + Self.slackSeconds
        return AttemptLimits(totalSeconds: total, silenceSeconds: total, logBytes: logBytes)
    }
}
