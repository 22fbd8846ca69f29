import BuildProtocol
import CoordinatorCore
import Testing

/// Where tests stand beside builds.
@Suite struct TestStageTests {
    private func test(_ id: String, priority: Int = 0, concurrency: Int? = nil) -> QueuedBuild {
        var build = queued(id, priority: priority, at: 9, concurrency: concurrency)
        build.stage = .test
        return build
    }

    private func able(_ name: String, slots: Int = 2) -> HostView {
        var view = host(name, slots: slots)
        view.report?.runsTests = true
        return view
    }

    @Test func whatWasBegunIsFinishedFirst() {
        let queue = [queued("new", priority: 9, at: 1), test("begun")]
        #expect(world([able("a", slots: 1)], queue).starts == ["begun@a"])
    }

    @Test func aTestGoesOnlyWhereTestsRun() {
        let queue = [test("t"), queued("b", at: 1)]
        #expect(world([host("old"), able("new", slots: 1)], queue).starts == ["t@new", "b@old"])
        let why = world([host("old")], [test("t")]).failures["t"]?.reason
        #expect(why?.contains("this test: old: cannot test images") == true)
    }

    /// Its image is in the web root, and `concurrency` is about building.
    @Test func neitherConcurrencyNorTheWebRootHoldsATestUp() {
        let running = [runs("x", on: "a")]
        let queue = [test("t", concurrency: 1)]
        #expect(world([able("a")], queue, running: running, webRoot: 0).starts == ["t@a"])
        var tested = runs("x", on: "a")
        tested.stage = .test
        let builds = [queued("b", concurrency: 1)]
        #expect(world([able("a")], builds, running: [tested]).starts == ["b@a"])
    }

    @Test func aNameIsThereOnce() throws {
        var tests = ImageTests(requirements: Requirements())
        tests.plan.cases = [PlannedTest(name: "boots", kind: .boot, limitSeconds: 9)]
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "a", sizeBytes: 1),
            recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
            limits: AttemptLimits(), tests: tests)
        let registered = TestCase(
            id: "1", name: "boots", osType: .linux, definition: TestDefinition(builtin: .boot))
        #expect(throws: TemplateFault.self) {
            try TestPlanning.combine(plan, registered: [registered])
        }
        var skipping = plan
        skipping.tests?.skip = ["boots"]
        #expect(
            try TestPlanning.combine(skipping, registered: [registered]).tests?.plan == tests.plan)
    }

    @Test(arguments: [
        (TestDefinition(), "either a builtin"),
        (TestDefinition(builtin: .boot, script: "x"), "either a builtin"),
        (TestDefinition(builtin: .boot, times: 3), "belongs to boot_repeated"),
        (TestDefinition(builtin: .bootRepeated), "belongs to boot_repeated"),
        (TestDefinition(builtin: .bootRepeated, times: 1), "use 2 to 100"),
        (TestDefinition(script: ""), "0 bytes"),
        (TestDefinition(script: "x", limitSeconds: 0), "use 1 s to 24 h"),
    ])
    func aDefinitionThatMakesNoSenseIsRefused(definition: TestDefinition, words: String) {
        #expect(definition.problem?.contains(words) == true, "\(definition.problem ?? "")")
    }

    @Test func anAttemptHasTheTimeOfAllItsCases() {
        var tests = ImageTests(requirements: Requirements())
        tests.plan.bootSeconds = 100
        tests.plan.cases = [
            PlannedTest(name: "a", kind: .bootRepeated, limitSeconds: 60, times: 5),
            PlannedTest(name: "b", kind: .script, limitSeconds: 30, text: "x"),
        ]
        let limits = tests.limits(logBytes: 1 << 20)
        #expect(limits.totalSeconds == 5 * 60 + 100 + 30 + 4 * 3600)
        #expect(limits.silenceSeconds == limits.totalSeconds)
    }
}
