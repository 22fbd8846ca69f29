import BuildProtocol
import CoordinatorCore

extension QueuedBuild {
    /// `nil` when it does not wait.
    init?(_ live: LiveBuild) {
        let build = live.build
        guard build.state == .queued else { return nil }
        self.init(
            id: build.id, guestOS: build.guestOS, owner: build.owner, priority: build.priority,
            submittedMilliseconds: build.submittedMilliseconds,
            notBeforeMilliseconds: build.notBeforeMilliseconds,
            requirements: build.plan.requirements, concurrency: build.plan.concurrency,
            failedHosts: Set(live.history.map(\.host)),
            baseImageSHA256: build.plan.recipe.baseImage?.sha256)
    }
}
