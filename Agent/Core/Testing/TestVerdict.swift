public import BuildProtocol

/// The outcome of a test case, which the process that ran it leaves in a file for its supervisor.
public struct TestVerdict: Sendable, Hashable, Codable, Error {
    /// `nil` if the case passed. Only a template fault is the fault of the image.
    public var fault: Fault?
    /// The guest did not boot, so later cases would wait in vain.
    public var isGuestDown: Bool
    public var evidence: GuestEvidence?

    public init(fault: Fault? = nil, isGuestDown: Bool = false, evidence: GuestEvidence? = nil) {
        self.fault = fault
        self.isGuestDown = isGuestDown
        self.evidence = evidence
    }

    public static func failed(_ why: String) -> TestVerdict {
        TestVerdict(fault: Fault(.template, .testFailed, why))
    }
}
