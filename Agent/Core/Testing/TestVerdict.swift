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

/// What the unexpected exit of a QEMU means.
public enum TestGuestExit {
    /// - Parameters:
    ///   - output: what QEMU printed last.
    ///   - isUp: whether the guest had booted.
    public static func fault(
        exitCode: Int?, signal: Int?, output: String, isUp: Bool
    ) -> Fault {
        let suffix = output.isEmpty ? "" : ": " + output
        if let signal {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU was killed by signal \(signal) (out of memory?)\(suffix)")
        }
        if exitCode != 0 {
            let text = output.lowercased()
            let isPort =
                text.contains("host forwarding rule") || text.contains("address already in use")
            return Fault(
                .infrastructure, isPort ? .portRace : .hostError,
                "QEMU ended with exit status \(exitCode ?? -1)\(suffix)")
        }
        return Fault(
            .template, .testFailed,
            isUp
                ? "the guest shut down in the middle of the test"
                : "the guest shut down instead of booting")
    }
}
