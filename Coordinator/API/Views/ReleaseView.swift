import CoordinatorCore
import CoordinatorService

/// One release, as documented in docs/api.md. The journal is internal to the targets.
struct ReleaseView: Encodable {
    var id, reference, action, build, guestOS, imageName, environment: String
    var state, phase, requestedBy, createdAt: String
    var buildNumber, attemptCount: Int
    /// The try that runs or comes next, of what its phase does; not once it has ended.
    var tryNumber, tryLimit: Int?
    var startedAt, endedAt, notBefore, approvedBy: String?
    /// The state in which it ends once it has cleaned up.
    var outcome: String?
    var timeoutSeconds: Int?
    var deadlineAt: String?
    var undoes: String?
    var format: ReleaseFormat?
    var cancelRequested: Bool
    /// Glance's id, or the digest in a registry.
    var remoteID: String?
    var notes: [String]
    /// Why it failed, or why its last attempt did.
    var fault: String?
    /// What it is taking back, or could not take back.
    var leftBehind: [String]?
    var abandonedBy: String?
    var progress: BuildView.Progress?

    var isAwaitingApproval: Bool { state == ReleaseState.awaitingApproval.rawValue }

    init(_ release: Release, _ live: ReleaseProgress?, left: [String]?) {
        id = release.id
        reference = release.reference
        action = release.action.rawValue
        build = release.build
        guestOS = release.guestOS
        buildNumber = release.buildNumber
        imageName = release.imageName
        environment = release.environment
        state = release.state.rawValue
        phase = release.phase.rawValue
        outcome = release.state.isEnded ? nil : release.ending?.rawValue
        (tryNumber, tryLimit) = (release.currentTry?.number, release.currentTry?.limit)
        timeoutSeconds = release.timeoutSeconds
        deadlineAt = release.deadlineMilliseconds.map(Time.text)
        requestedBy = release.requestedBy
        approvedBy = release.approvedBy
        attemptCount = release.attemptCount
        createdAt = Time.text(release.createdMilliseconds)
        startedAt = release.startedMilliseconds.map(Time.text)
        endedAt = release.endedMilliseconds.map(Time.text)
        if release.state == .queued, release.notBeforeMilliseconds > 0 {
            notBefore = Time.text(release.notBeforeMilliseconds)
        }
        undoes = release.undoes
        format = release.format
        cancelRequested = release.cancelRequested
        remoteID = release.result?.remoteID
        notes = release.result?.notes ?? []
        fault = release.fault?.description
        leftBehind = left.flatMap { $0.isEmpty ? nil : $0 }
        abandonedBy = release.abandonedBy
        progress = live.map {
            BuildView.Progress(what: $0.what, doneBytes: $0.doneBytes, totalBytes: $0.totalBytes)
        }
    }
}
