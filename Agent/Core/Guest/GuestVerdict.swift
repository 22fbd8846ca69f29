/// What a silent log means, as far as QEMU can tell.
public enum GuestVerdict: Sendable, Hashable {
    /// No QEMU runs: silence is all there is.
    case noGuest
    /// There is a QEMU that cannot be asked; the words say why.
    case unknown(String)
    /// Slow, not hung.
    case working(GuestMovement)
    /// Runs and moves nothing.
    case hung(GuestMovement, status: String)
    /// QEMU has stopped it.
    case stopped(status: String)

    public static func judge(from first: GuestLook, to second: GuestLook) -> GuestVerdict {
        guard let guest = second.samples.first else {
            if !second.mute.isEmpty {
                return .unknown("QEMU does not answer on its control socket")
            }
            if let pid = second.strangers.first {
                return .unknown(
                    "QEMU (process \(pid)) was not started by its plain name, so that it has no "
                        + "control socket and cannot be asked")
            }
            return .noGuest
        }
        if let stopped = second.samples.first(where: \.isStopped),
            second.samples.allSatisfy(\.isStopped)
        {
            return .stopped(status: stopped.status)
        }
        let movement = GuestMovement(from: first, to: second)
        let known = Set(first.samples.map(\.pid))
        if second.samples.allSatisfy({ !known.contains($0.pid) }) {
            // A QEMU that began while we watched is work, too; one that we could not ask is not
            // known to do anything.
            return first.mute.isEmpty
                ? .working(movement) : .unknown("QEMU answered only at the end of its silence")
        }
        if movement.isWork { return .working(movement) }
        return .hung(movement, status: guest.status)
    }
}
