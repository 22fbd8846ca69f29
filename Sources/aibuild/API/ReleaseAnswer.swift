struct ReleaseAnswer: Decodable {
    var id, action, guestOS, environment, state: String
    var buildNumber: Int
    var imageName, requestedBy, createdAt, startedAt, endedAt, notBefore, remoteID, fault: String?
    var approvedBy, deadlineAt, abandonedBy: String?
    /// What it does and in which state it will end; older coordinators have the state only.
    var phase, outcome: String?
    var attemptCount, tryNumber, tryLimit: Int?
    var notes, leftBehind: [String]?
    var progress: BuildAnswer.Progress?

    /// `debian12:7`
    var label: String { "\(guestOS):\(buildNumber)" }

    /// As much of its id as names it in practice.
    var shortID: String { String(id.prefix(8)) }

    var hasEnded: Bool {
        ["released", "failed", "cancelled", "refused", "rolledBack"].contains(state)
    }

    /// The state, as people read it.
    var status: String {
        switch phase ?? state {
        case "awaitingApproval": "waiting for approval"
        case "retrying": "waiting to retry"
        case "cleaningUp": "\(outcome ?? "failed"), cleaning up"
        default: state
        }
    }

    /// `try 3 of 6 at 14:02`; nothing of a first try, or once it has ended.
    var tryText: String? {
        guard let number = tryNumber, let limit = tryLimit, number > 1 || notBefore != nil else {
            return nil
        }
        return "try \(number) of \(limit)"
            + (notBefore.map { ", next at \(Format.clock($0))" } ?? "")
    }

    /// In one line.
    var detail: String {
        let what = fault ?? remoteID ?? progress?.what
        let left = leftBehind.map {
            (hasEnded ? "left there: " : "takes back: ") + $0.joined(separator: ", ")
        }
        return [tryText, what, left].compactMap(\.self).joined(separator: "; ")
    }
}
