import BuildProtocol
import CoordinatorCore
import Testing
import TextKit

/// Which variables of a host an attempt gets there.
@Suite("Variables of hosts") struct HostVariableTests {
    private func plan(_ builder: Builder) -> BuildPlan {
        BuildPlan(
            template: TemplateArchive(sha256: "aa", sizeBytes: 1),
            recipe: BuildRecipe(
                builder: builder, variables: ["mirror": "a", "size": "1"],
                values: ["list": .array([])]), requirements: Requirements(),
            limits: AttemptLimits())
    }

    private let own = ["mirror": "h", "list": "h", "known": "h", "other": "h"]

    @Test("A program gets all, and a Packer template those that it has")
    func builders() {
        var packer = plan(.packer(template: "t.json"))
        #expect(plan(.command(["x"])).variables(ofHost: own) == own)
        #expect(packer.variables(ofHost: own) == ["mirror": "h", "list": "h"])
        packer.hostVariables = ["mirror", "known"]
        #expect(packer.variables(ofHost: own) == ["mirror": "h", "known": "h"])
    }

    @Test("What a trigger or a request sets stays, what the guest OS sets does not")
    func precedence() {
        for (origin, stays) in [
            (VariableOrigin.guestOS, false), (.host, false), (.trigger, true), (.request, true),
        ] {
            var plan = plan(.command(["x"]))
            plan.override(VariableSet(texts: ["mirror": "b"]), from: origin)
            #expect((plan.variables(ofHost: own)["mirror"] == nil) == stays, "\(origin)")
        }
    }

    @Test("A variable of another type takes the place of the one that was there")
    func types() {
        var plan = plan(.command(["x"]))
        plan.override(
            VariableSet(texts: ["list": "b"], values: ["size": .array([.int(1)])]),
            from: .trigger)
        #expect(plan.recipe.variables == ["mirror": "a", "list": "b"])
        #expect(plan.recipe.values == ["size": .array([.int(1)])])
    }
}
