public import BuildProtocol

extension GuestEvidence {
    /// Adds what the guest was seen to do.
    public mutating func add(_ verdict: GuestVerdict) {
        switch verdict {
        case .working(let movement): add(movement)
        case .hung(let movement, let status):
            add(movement)
            self.status = self.status ?? status
        case .stopped(let status): self.status = self.status ?? status
        case .unknown(let why): notes.append(why)
        case .noGuest: break
        }
    }

    private mutating func add(_ movement: GuestMovement) {
        windowMilliseconds = movement.milliseconds
        diskBytes = movement.diskBytes
        networkBytes = movement.networkBytes
        cpuMilliseconds = movement.cpuMilliseconds
    }
}
