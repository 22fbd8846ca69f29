public import BuildProtocol

/// What a silent log means, as far as QEMU's state shows.
public enum GuestVerdict: Sendable, Hashable {
    /// No QEMU runs: only the silence counts.
    case noGuest
    /// A QEMU cannot be queried, for this reason.
    case unknown(String)
    /// Slow, not hung.
    case working(GuestActivity)
    /// Runs, but causes no disk or network traffic.
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
                    "QEMU (process \(pid)) was not started by its plain name, so it has no control "
                        + "socket and cannot be queried")
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
            // A QEMU that started during the window is activity, too; of one that did not answer
            // before, no activity is known.
            return first.unresponsive.isEmpty
                ? .working(activity) : .unknown("QEMU answered only at the end of the silence")
        }
        if activity.isActive { return .working(activity) }
        return .hung(activity, status: guest.status)
    }
}

extension GuestEvidence {
    /// Adds what the verdict says about the guest's activity.
    public mutating func add(_ verdict: GuestVerdict) {
        switch verdict {
        case .working(let activity): add(activity)
        case .hung(let activity, let status):
            add(activity)
            self.status = self.status ?? status
        case .stopped(let status): self.status = self.status ?? status
        case .unknown(let why): notes.append(why)
        case .noGuest: break
        }
    }

    private mutating func add(_ activity: GuestActivity) {
        windowMilliseconds = activity.milliseconds
        diskBytes = activity.diskBytes
        networkBytes = activity.networkBytes
        cpuMilliseconds = activity.cpuMilliseconds
    }
}
