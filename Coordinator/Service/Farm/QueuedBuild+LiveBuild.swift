import BuildProtocol
import CoordinatorCore

extension QueuedBuild {
    /// `nil` if the build is not queued.
    init?(_ live: LiveBuild) {
        let build = live.build
        guard build.state == .queued else { return nil }
        self.init(
            id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
            priority: build.priority,
            submittedMilliseconds: build.submittedMilliseconds,
            notBeforeMilliseconds: build.notBeforeMilliseconds,
            requirements: build.requirements, concurrency: build.plan.concurrency,
            failedHosts: Set(live.history.map(\.host)), baseImageSHA256: build.fetched?.sha256,
            testAbilities: build.testPlan?.abilities ?? [])
    }
}

extension RunningBuild {
    init(_ live: LiveBuild) {
        let build = live.build
        self.init(
            id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
            host: live.hasLeftHost ? nil : build.host, requirements: build.requirements,
            startedMilliseconds: live.attemptStartedMilliseconds,
            expectedSeconds: build.stage == .build ? live.expectedSeconds : nil)
    }
}

extension Build {
    /// What an attempt of the current stage needs.
    var requirements: Requirements {
        guard stage == .test, let tests = plan.tests else { return plan.requirements }
        var needs = tests.requirements
        // A host that does not have the image yet keeps a copy of it.
        needs.diskBytes += image?.sizeBytes ?? 0
        return needs
    }

    /// The base image of an attempt of the current stage.
    var fetched: BaseImage? {
        guard stage == .test else { return plan.recipe.baseImage }
        return image.map { BaseImage(url: $0.url, sha256: $0.sha256) }
    }

    /// What the current stage tests; `nil` in the build stage.
    var testPlan: TestPlan? { stage == .test ? plan.tests?.plan : nil }

    var limits: AttemptLimits {
        guard stage == .test, let tests = plan.tests else { return plan.limits }
        return tests.limits(logBytes: plan.limits.logBytes)
    }
}
