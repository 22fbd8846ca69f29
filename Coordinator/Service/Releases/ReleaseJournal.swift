import BuildProtocol
import CoordinatorCore
import Support
import TextKit

/// Writes a release's life into the coordinator's journal, as `BuildJournal` does for builds:
/// requested, approved, tried, retried, cleaned up, ended.
struct ReleaseJournal {
    private let log = Logger("releases")

    /// - Parameter old: the release before; `nil` if it is new.
    func note(_ old: Release?, _ new: Release) {
        if let line = Self.line(old, new) { log.about(LogIDs(build: new.build)).info(line) }
    }

    /// `nil` if nothing happened that people ask about.
    static func line(_ old: Release?, _ new: Release) -> String? {
        guard old?.state != new.state || old?.ending != new.ending else { return nil }
        let what = (new.action == .rollback ? "rollback to " : "") + new.reference
        guard let step = step(old, new) else { return nil }
        return "\(what) \(step)"
    }

    private static func step(_ old: Release?, _ new: Release) -> String? {
        switch new.state {
        case .awaitingApproval: return "waits for approval: \(origin(new))"
        case .queued:
            guard let old else { return "is queued: \(origin(new))" }
            return old.state == .awaitingApproval
                ? "is approved by \(Names.quoted(new.approvedBy ?? "?"))" : waits(old, new)
        case .running:
            return old.map { _ in "starts \(tries(new))" }
        case .released:
            let place = new.result.map { " as \($0.remoteID.firstLine)" } ?? ""
            return old.map { _ in "is released\(duration(new))\(place)" }
        case .failed, .cancelled, .refused:
            return old.map { _ in ended(new) }
        case .rolledBack: return old.map { _ in "is rolled back" }
        }
    }

    private static func origin(_ release: Release) -> String {
        "\(Names.quoted(release.requestedBy)), id \(release.id)"
    }

    /// A try has ended, and another one follows.
    private static func waits(_ old: Release, _ new: Release) -> String {
        if let ending = new.ending, old.ending == nil {
            return "will end as \(ending.rawValue), and takes back what it began: \(fault(new))"
        }
        let now = old.state == .running ? "ended \(tries(old)): \(fault(new))" : "is queued again"
        guard new.notBeforeMilliseconds > 0 else { return now }
        return "\(now); next at \(UTCTime(unixMilliseconds: new.notBeforeMilliseconds).text) UTC"
    }

    private static func tries(_ release: Release) -> String {
        let doing = release.ending == nil ? "try" : "cleaning up, try"
        return release.currentTry.map { "\(doing) \($0.number) of \($0.limit)" } ?? doing
    }

    private static func ended(_ release: Release) -> String {
        let how: String =
            switch release.state {
            case .failed: "failed"
            case .cancelled: "is cancelled"
            default: "is refused"
            }
        let reason = release.fault.map { _ in ": \(fault(release))" } ?? ""
        let left = release.leftBehind.map {
            "; left there: \($0.joined(separator: ", ").firstLine)"
        }
        let actor = release.abandonedBy.map { "; abandoned by \(Names.quoted($0))" }
        return how + duration(release) + reason + (left ?? "") + (actor ?? "")
    }

    private static func fault(_ release: Release) -> String {
        release.fault?.description.firstLine ?? "?"
    }

    private static func duration(_ release: Release) -> String {
        JournalText.duration(
            from: release.startedMilliseconds, to: release.endedMilliseconds)
    }
}
