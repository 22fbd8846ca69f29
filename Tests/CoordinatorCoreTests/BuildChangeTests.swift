import BuildProtocol
import CoordinatorCore
import Testing

/// The state table of builds, as every store applies it.
@Suite struct BuildChangeTests {
    private static let token = AttemptToken(high: 1, low: 1)

    private func build(_ state: BuildState) -> Build {
        var build = Build(
            NewBuild(
                id: "b", guestOSID: "g", guestOS: "os", priority: 0, owner: "team",
                plan: BuildPlan(
                    template: TemplateArchive(sha256: "t", sizeBytes: 1),
                    recipe: BuildRecipe(builder: .command(["x"])), requirements: needs(),
                    limits: AttemptLimits()),
                updateContents: "", submittedMilliseconds: 0), number: 1)
        build.state = state
        build.attempt = Self.token
        if state.isEnded { build.endedMilliseconds = 5 }
        return build
    }

    /// A change that names every state as its origin, and the owner that the build has.
    private func effect(_ from: BuildState, _ to: BuildState) -> ChangeEffect<Build> {
        let isOwned = from != .queued && !from.isEnded
        return BuildChange(
            build: "b", from: Set(BuildState.allCases), owner: isOwned ? Self.token : nil, to: to,
            atMilliseconds: 9
        ).effect(on: build(from))
    }

    @Test("A change of state takes effect only if the table has it")
    func tableIsEnforced() {
        for from in BuildState.allCases {
            for to in BuildState.allCases {
                let isLegal = from.successors.contains(to) || (from == to && !from.isEnded)
                if case .changed(let changed) = effect(from, to) {
                    #expect(isLegal && changed.state == to, "\(from) → \(to)")
                } else {
                    #expect(!isLegal, "\(from) → \(to)")
                }
            }
        }
    }
}
