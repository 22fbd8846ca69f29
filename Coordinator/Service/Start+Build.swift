import BuildProtocol
import CoordinatorCore

extension Start {
    init(_ build: Build, as token: AttemptToken) {
        self.init(
            attempt: token,
            build: BuildDescription(
                id: build.id, guestOS: build.guestOS, number: build.number,
                imageName: build.imageName),
            template: build.plan.template, recipe: build.plan.recipe,
            requirements: build.plan.requirements, limits: build.plan.limits)
    }
}
