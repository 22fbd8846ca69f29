public import BuildProtocol

/// Why a timer ends an attempt.
public enum TimeoutCause: Sendable, Hashable {
    case total(seconds: Int)
    case silence(seconds: Int, GuestVerdict)

    /// - Parameters:
    ///   - evidence: what was kept of the guest.
    ///   - lowestFreeBytes: the minimum free space on the host's disk while the build ran.
    public func fault(evidence: GuestEvidence?, lowestFreeBytes: Int64) -> Fault {
        switch self {
        case .total(let seconds):
            return Fault(
                .template, .timeoutTotal,
                "the build took longer than its limit of \(seconds) s and was stopped; raise "
                    + "`total` under `limits` in aibuild.yml if it needs more"
                    + Self.kept(evidence))
        case .silence(let seconds, let verdict):
            let silent = "the build printed nothing for \(seconds) s"
            return Self.fault(silent, verdict, Self.kept(evidence), lowestFreeBytes)
        }
    }

    private static func fault(
        _ silent: String, _ verdict: GuestVerdict, _ kept: String, _ lowestFreeBytes: Int64
    ) -> Fault {
        switch verdict {
        case .noGuest:
            return Fault(
                .template, .timeoutSilence,
                "\(silent) and was stopped; it seems to wait for something that never "
                    + "happens\(kept)"
            )
        case .unknown(let why):
            return Fault(
                .template, .timeoutSilence,
                "\(silent) and was stopped; it is unknown whether its guest hangs: \(why)\(kept)")
        case .working(let activity):
            return Fault(
                .template, .timeoutSilence,
                "\(silent), \(AgentLimits.silencePeriods) times its limit, and was stopped, "
                    + "although its guest still \(activity.summary); raise `silence` under "
                    + "`limits` in aibuild.yml if it needs more\(kept)")
        case .hung(let activity, let status):
            return Fault(
                .template, .guestHung,
                "\(silent) and its guest hangs: QEMU reports \(status), but the guest "
                    + "\(activity.summary); the build was stopped\(kept)")
        case .stopped(let status) where status == "io-error" || status == "internal-error":
            // QEMU itself could not continue: another host may succeed.
            let isFull = status == "io-error" && lowestFreeBytes < AgentLimits.fullDiskBytes
            return Fault(
                .infrastructure, isFull ? .diskFull : .hostError,
                "\(silent): QEMU stopped its guest and reports \(status)"
                    + (isFull ? ": the host's disk was full" : "") + "; the build was stopped"
                    + kept)
        case .stopped(let status):
            return Fault(
                .template, .guestHung,
                "\(silent) and its guest is stopped: QEMU reports \(status); the build was stopped"
                    + kept)
        }
    }

    private static func kept(_ evidence: GuestEvidence?) -> String {
        guard let evidence else { return "" }
        var things: [String] = []
        if evidence.screenshot != nil { things.append("screen") }
        if evidence.serialTail?.isEmpty == false { things.append("serial console") }
        if things.isEmpty { return "" }
        return "; its last \(things.joined(separator: " and ")) "
            + (things.count == 1 ? "is" : "are") + " kept with the attempt"
    }
}
