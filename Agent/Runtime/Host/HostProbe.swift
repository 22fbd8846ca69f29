import BuildProtocol

/// What was found out about this host's programs and accelerators.
struct HostProbe: Sendable, Hashable, Codable {
    var accelerators: Set<Accelerator> = []
    var packerVersion: String?
    var qemuVersion: String?
    /// For the operator.
    var notices: [String] = []

    /// What a build gets that does not care.
    var preferredAccelerator: Accelerator? {
        if accelerators.contains(.kvm) { return .kvm }
        return accelerators.contains(.tcg) ? .tcg : nil
    }
}
