import BuildProtocol
import CoordinatorCore

extension QueuedBuild {
    init(_ build: Build, history: [(host: String, fault: Fault)], now: Int64) {
        self.init(
            id: build.id, guestOS: build.guestOS, owner: build.owner, priority: build.priority,
            submittedMilliseconds: build.submittedMilliseconds,
            notBeforeMilliseconds: RetryPolicy.due(build.notBeforeMilliseconds, now: now),
            requirements: build.plan.requirements, concurrency: build.plan.concurrency,
            failedHosts: Set(history.map(\.host)),
            baseImageSHA256: build.plan.recipe.baseImage?.sha256)
    }
}
