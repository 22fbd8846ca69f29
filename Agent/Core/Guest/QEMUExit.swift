public import BuildProtocol

/// How a QEMU exited, as recorded by the shim.
public enum QEMUExit: Sendable, Hashable {
    case exited(Int32)
    /// By another process than the one that started it.
    case killed(signal: Int32)

    public init?(_ text: some StringProtocol) {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 2, let number = Int32(words[1]) else { return nil }
        switch words[0] {
        case "exit": self = .exited(number)
        case "signal": self = .killed(signal: number)
        default: return nil
        }
    }

    public var text: String {
        switch self {
        case .exited(let code): "exit \(code)\n"
        case .killed(let signal): "signal \(signal)\n"
        }
    }

    /// `nil` if QEMU exited by itself: on request, by the guest's shutdown, or for wrong arguments.
    /// All of these are up to the template.
    public var fault: Fault? {
        guard case .killed(let signal) = self else { return nil }
        if FaultClassifier.externalSignals.contains(Int(signal)) {
            return Fault(
                .infrastructure, .buildKilled,
                "QEMU was killed by signal \(signal) from outside (out of memory? an operator?)")
        }
        // Even if the guest made it crash: another version of QEMU may not.
        return Fault(.infrastructure, .hostError, "QEMU crashed by signal \(signal)")
    }
}
