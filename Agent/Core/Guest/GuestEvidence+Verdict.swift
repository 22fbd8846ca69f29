public import BuildProtocol

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
