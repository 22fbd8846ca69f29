import BuildProtocol
import CoordinatorCore
import Testing

/// Scheduling of tests beside builds.
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

    @Test("Tests go before builds")
    func testsBeforeBuilds() {
        let queue = [queued("new", priority: 9, at: 1), test("begun")]
        #expect(world([able("a", slots: 1)], queue).starts == ["begun@a"])
    }

    @Test("A test goes only to a host that runs tests")
    func hostsThatRunTests() {
        let queue = [test("t"), queued("b", at: 1)]
        #expect(world([host("old"), able("new", slots: 1)], queue).starts == ["t@new", "b@old"])
        let why = world([host("old")], [test("t")]).failures["t"]?.reason
        #expect(why?.contains("this test: old: cannot test images") == true)
    }

    @Test("A test goes only where its plan can run")
    func hostsWithAbilities() {
        var uefi = test("u")
        uefi.testAbilities = [.uefi]
        var program = test("p")
        program.testAbilities = [.programText]
        var old = able("old")
        var new = able("new")
        new.report?.testAbilities = ["program-text", "uefi", "of a later day"]
        #expect(world([old, new], [uefi, program]).starts.sorted() == ["p@new", "u@new"])
        old.report?.testAbilities = ["program-text"]
        #expect(world([old], [program]).starts == ["p@old"])
        let why = world([old], [uefi]).failures["u"]?.reason
        #expect(why?.contains("old: cannot boot images by UEFI: install its package ovmf") == true)
        let text = world([able("older")], [program]).failures["p"]?.reason
        #expect(text?.contains("older: cannot run programs that are registered") == true)
    }

    @Test("A plan says which abilities it needs")
    func abilities() {
        var plan = TestPlan(cases: [
            PlannedTest(name: "own", kind: .program, limitSeconds: 9, command: ["./x"]),
            PlannedTest(name: "script", kind: .script, limitSeconds: 9, text: "x"),
        ])
        #expect(plan.abilities == [])
        plan.firmware = .bios
        #expect(plan.abilities == [])
        plan.firmware = .uefi
        plan.cases.append(
            PlannedTest(name: "registered", kind: .program, limitSeconds: 9, text: "#!/x"))
        #expect(plan.abilities == [.uefi, .programText])
    }

    /// Its image is in the web root, and `concurrency` limits builds only.
    @Test("Neither concurrency nor a full web root delays a test")
    func testsIgnoreBuildLimits() {
        let running = [runs("x", on: "a")]
        let queue = [test("t", concurrency: 1)]
        #expect(world([able("a")], queue, running: running, webRoot: 0).starts == ["t@a"])
        var tested = runs("x", on: "a")
        tested.stage = .test
        let builds = [queued("b", concurrency: 1)]
        #expect(world([able("a")], builds, running: [tested]).starts == ["b@a"])
    }

    @Test("A case name may appear once")
    func uniqueNames() throws {
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

    @Test(
        "An invalid definition is refused",
        arguments: [
            (TestDefinition(), "one of a builtin"),
            (TestDefinition(builtin: .boot, script: "x"), "one of a builtin"),
            (TestDefinition(script: "x", program: "#!/x"), "one of a builtin"),
            (TestDefinition(program: ""), "the program has 0 bytes"),
            (TestDefinition(program: "echo"), "begin it with #!"),
            (TestDefinition(builtin: .boot, times: 3), "required for boot_repeated"),
            (TestDefinition(builtin: .bootRepeated), "required for boot_repeated"),
            (TestDefinition(builtin: .bootRepeated, times: 1), "use 2 to 100"),
            (TestDefinition(script: ""), "0 bytes"),
            (TestDefinition(script: "x", limitSeconds: 0), "use 1 s to 24 h"),
        ])
    func invalidDefinitions(definition: TestDefinition, words: String) {
        #expect(definition.problem?.contains(words) == true, "\(definition.problem ?? "")")
    }

    private func planned(_ tests: ImageTests, _ registered: [TestCase]) throws -> BuildPlan {
        try TestPlanning.combine(
            BuildPlan(
                template: TemplateArchive(sha256: "a", sizeBytes: 1),
                recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
                limits: AttemptLimits(), tests: tests), registered: registered)
    }

    /// `start` is one line, and each case boots the image.
    @Test("A plan larger than a start message is refused at submission")
    func oversizedPlan() throws {
        let large = "#!" + String(repeating: "x", count: ProtocolLimits.testScriptBytes - 2)
        let fitting = ProtocolLimits.testScriptsBytes / large.utf8.count
        func cases(_ count: Int, _ definition: TestDefinition) -> [TestCase] {
            (0..<count).map {
                TestCase(id: "\($0)", name: "c\($0)", osType: .linux, definition: definition)
            }
        }
        let tests = ImageTests(requirements: Requirements())
        _ = try planned(tests, cases(fitting, TestDefinition(program: large)))
        let fault = #expect(throws: TemplateFault.self) {
            try planned(tests, cases(fitting + 1, TestDefinition(program: large)))
        }
        #expect(fault?.description.contains("bytes together; at most") == true)
        let boot = TestDefinition(builtin: .boot)
        _ = try planned(tests, cases(ProtocolLimits.testCases, boot))
        let many = #expect(throws: TemplateFault.self) {
            try planned(tests, cases(ProtocolLimits.testCases + 1, boot))
        }
        #expect(many?.description.contains("tests: skip:") == true)
    }

    /// Agent input is untrusted: results of unknown cases are dropped.
    @Test("Only results of the plan's cases are kept")
    func acceptedResults() {
        let plan = TestPlan(cases: [
            PlannedTest(name: "a", kind: .boot, limitSeconds: 9),
            PlannedTest(name: "b", kind: .boot, limitSeconds: 9),
        ])
        func result(_ name: String, _ milliseconds: Int64 = 1) -> TestResult {
            TestResult(
                name: name, result: .passed, milliseconds: milliseconds, logFrom: -5, logTo: -1)
        }
        let kept = TestPlanning.accepted([result("x"), result("b", -9), result("b")], in: plan)
        #expect(kept.map(\.name) == ["b"])
        #expect(kept.allSatisfy { $0.milliseconds == 0 && $0.logFrom == 0 && $0.logTo == 0 })
        #expect(TestPlanning.gap(kept, in: plan)?.contains("no result of 'a'") == true)
        var failed = [result("a"), result("b")]
        #expect(TestPlanning.gap(failed, in: plan) == nil)
        failed[1].result = .failed
        #expect(TestPlanning.gap(failed, in: plan)?.contains("not 'b'") == true)
    }

    @Test("An attempt's limit is the sum of its cases' limits")
    func totalLimit() {
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
