import BuildProtocol
import CoordinatorCore

/// Those who are told that a build has changed: followers, and Git servers. Nothing waits for them.
struct BuildNews: Sendable {
    let changes: ChangeHub
    let statuses: CommitStatuses

    func changed(_ build: Build) {
        Task {
            await changes.report(build.id, isOver: build.state.isEnded)
            await statuses.note(build)
        }
    }
}
