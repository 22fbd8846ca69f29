import BuildProtocol

/// The result of probing this host's programs and accelerators.
struct HostProbe: Sendable, Hashable, Codable {
    var accelerators: Set<Accelerator> = []
    var packerVersion: String?
    var qemuVersion: String?
    /// For the operator.
    var notices: [String] = []

    /// The accelerator of builds that do not require one.
    var preferredAccelerator: Accelerator? {
        if accelerators.contains(.kvm) { return .kvm }
        return accelerators.contains(.tcg) ? .tcg : nil
    }
}
