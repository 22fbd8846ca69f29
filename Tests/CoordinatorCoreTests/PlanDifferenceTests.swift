import BuildProtocol
import CoordinatorCore
import Testing

/// What a repeated build would have otherwise.
@Suite("Differences of plans") struct PlanDifferenceTests {
    private var plan: BuildPlan {
        BuildPlan(
            template: TemplateArchive(sha256: "aa", sizeBytes: 1), commit: "c0ffee",
            recipe: BuildRecipe(
                builder: .command(["./build"]), variables: ["mirror": "a", "size": "1"],
                baseImage: BaseImage(url: "https://m/iso", sha256: "11")),
            requirements: Requirements(), limits: AttemptLimits())
    }

    @Test("Each value that differs is named by its key, in the order of aibuild.yml")
    func differences() {
        var new = plan
        #expect(PlanDifference.all(plan, new).isEmpty)
        new.commit = "d00d"
        new.recipe.variables = ["mirror": "b", "disk": "9"]
        new.recipe.baseImage?.sha256 = "22"
        new.requirements.vcpus = 4
        new.concurrency = 2
        new.retries = 0
        #expect(
            PlanDifference.all(plan, new) == [
                PlanDifference("commit", "c0ffee", "d00d"),
                PlanDifference("variables.disk", nil, "9"),
                PlanDifference("variables.mirror", "a", "b"),
                PlanDifference("variables.size", "1", nil),
                PlanDifference("base_image.sha256", "11", "22"),
                PlanDifference("requirements.vcpus", "1", "4"),
                PlanDifference("concurrency", nil, "2"),
                PlanDifference("retries", nil, "0"),
            ])
    }

    @Test("A long value is cut")
    func long() {
        var new = plan
        new.recipe.variables["size"] = String(repeating: "x", count: 9999)
        let now = PlanDifference.all(plan, new).first?.now ?? ""
        #expect(now.utf8.count < 520 && now.hasSuffix("…"))
    }
}
