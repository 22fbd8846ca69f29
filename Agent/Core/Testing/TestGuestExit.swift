public import BuildProtocol

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
