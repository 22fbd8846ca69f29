import BuildProtocol
import CoordinatorCore

/// Those who are told that a build has changed: followers, Git servers, and what builds children of
/// the image. Nothing waits for them.
struct BuildNews: Sendable {
    let changes: ChangeHub
    let statuses: CommitStatuses
    let schedules: Schedules
    let notifications: Notifications
    let results: ResultBoard

    func changed(_ build: Build) {
        Task {
            await changes.report(build.id, isOver: build.state.isEnded)
            await statuses.note(build)
        }
        guard build.state.isEnded else { return }
        Task { await results.note(build) }
        Task { await schedules.ended(build) }
        Task { await notifications.ended(build) }
    }
}
