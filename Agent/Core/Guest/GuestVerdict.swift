/// What a silent log means, as far as QEMU can tell.
public enum GuestVerdict: Sendable, Hashable {
    /// No QEMU runs: silence is all there is.
    case noGuest
    /// There is a QEMU that cannot be asked; the words say why.
    case unknown(String)
    /// Slow, not hung.
    case working(GuestActivity)
    /// Runs and moves nothing.
    case hung(GuestActivity, status: String)
    /// QEMU has stopped it.
    case stopped(status: String)

    public static func judge(from first: GuestSnapshot, to second: GuestSnapshot) -> GuestVerdict {
        guard let guest = second.samples.first else {
            if !second.unresponsive.isEmpty {
                return .unknown("QEMU does not answer on its control socket")
            }
            if let pid = second.uncontrolled.first {
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
        let activity = GuestActivity(from: first, to: second)
        let known = Set(first.samples.map(\.pid))
        if second.samples.allSatisfy({ !known.contains($0.pid) }) {
            // A QEMU that began while we watched is work, too; one that we could not ask is not
            // known to do anything.
            return first.unresponsive.isEmpty
                ? .working(activity) : .unknown("QEMU answered only at the end of its silence")
        }
        if activity.isActive { return .working(activity) }
        return .hung(activity, status: guest.status)
    }
}
