import CoordinatorCore
import CoordinatorService

/// One release, as documented in docs/api.md. The journal is internal to the targets.
struct ReleaseView: Encodable {
    var id, action, build, guestOS, imageName, environment, state, requestedBy, createdAt: String
    var buildNumber, attemptCount: Int
    var startedAt, endedAt, notBefore, approvedBy: String?
    var undoes: String?
    var format: ReleaseFormat?
    var cancelRequested: Bool
    /// Glance's id, or the digest in a registry.
    var remoteID: String?
    var notes: [String]
    /// Why it failed, or why its last attempt did.
    var fault: String?
    var progress: BuildView.Progress?

    var isAwaitingApproval: Bool { state == ReleaseState.awaitingApproval.rawValue }

    init(_ release: Release, _ live: ReleaseProgress?) {
        id = release.id
        action = release.action.rawValue
        build = release.build
        guestOS = release.guestOS
        buildNumber = release.buildNumber
        imageName = release.imageName
        environment = release.environment
        state = release.state.rawValue
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
        progress = live.map {
            BuildView.Progress(what: $0.what, doneBytes: $0.doneBytes, totalBytes: $0.totalBytes)
        }
    }
}
