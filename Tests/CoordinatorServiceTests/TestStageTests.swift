import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// A build whose image must pass tests: a second stage with attempts of its own.
@Suite struct TestStageTests {
    private static let failure = Fault(
        .template, .testFailed, "the image did not pass the test case 'boot': no login")

    private func farm(hosts: Int = 2, cases: [String] = ["boot", "ssh"]) async throws -> TestFarm {
        let farm = try await TestFarm(hosts: hosts)
        farm.templates.test(.of(cases))
        return farm
    }

    @Test("An image that passes its tests is promoted")
    func passedImageIsPromoted() async throws {
        let farm = try await farm()
        try await farm.runBuild { _, build in
            let passed = try await farm.wait(build, .passed, .failed)
            #expect(passed.state == .passed && passed.stage == .test)
            let path = "images/release/debian/\(build.imageName).qcow2"
            #expect(passed.image?.path == path)
            let attempts = try await farm.store.attempts(ofBuild: build.id)
            #expect(attempts.map(\.stage) == [.build, .test] && attempts.map(\.ordinal) == [1, 2])
            #expect(passed.image?.attempt == attempts[0].token, "who made it, not who tested it")
            let records = try await farm.store.testRecords(ofBuild: build.id)
            #expect(records.map(\.result.name) == ["boot", "ssh"])
            #expect(records.allSatisfy { $0.result.result == .passed })
            #expect(records.allSatisfy { $0.attempt == attempts[1].token })
            let rows = try await farm.store.buildLog(guestOSID: nil, limit: 5)
            #expect(rows.map(\.getURL) == ["http://farm/" + path])
            #expect(await farm.webRoot.promoted.count == 1)
        }
    }

    @Test("An image that is not for publication is tested, passes, and is not promoted")
    func unpublishedImageStays() async throws {
        let farm = try await farm()
        var plan = try await farm.templates.plan(
            for: try #require(try await farm.store.guestOS(named: "debian")))
        plan.publishes = false
        let build = try await farm.leader.enqueue(
            NewBuild(
                id: "mr", guestOSID: "os-1", guestOS: "debian", priority: 0, owner: "team",
                plan: plan, updateContents: "", submittedMilliseconds: 0))
        try await farm.run { coordinator in
            let passed = try await farm.wait(build, .passed, .failed)
            #expect(passed.state == .passed && passed.stage == .test && passed.fault == nil)
            #expect(passed.image?.path == "images/build/debian/\(build.imageName).qcow2")
            #expect(await farm.webRoot.promoted.isEmpty)
            let records = try await farm.store.testRecords(ofBuild: build.id)
            #expect(records.map(\.result.result) == [.passed, .passed])
            await #expect(throws: Refusal.self) {
                _ = try await coordinator.leading().releaseRequests.submit(
                    passed, to: ["lab"], format: nil, by: "anna")
            }
        }
    }

    @Test("The agent fetches the image from the leader")
    func imageComesFromLeader() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change {
            $0.testPlan = .hang
            $0.imageFormat = .raw
        }
        try await farm.runBuild { _, build in
            try await farm.wait(build, .testing)
            let token = try await farm.attempt(on: farm.agents[0])
            let start = try #require(await farm.agents[0].attempts[token]?.start)
            #expect(start.tests?.cases.map(\.name) == ["boot", "ssh"])
            #expect(start.tests?.imageFormat == .raw, "what was built, not what was planned")
            let name = build.imageName + ".raw"
            #expect(start.recipe.baseImage?.url == "http://farm/images/build/debian/" + name)
            #expect(start.recipe.baseImage?.sha256?.count == 64)
            #expect(start.requirements.diskBytes == ImageTests.overlayBytes + 5)
            let limits = build.plan.tests?.limits(logBytes: build.plan.limits.logBytes)
            #expect(start.limits == limits, "those of the cases, not of building")
        }
    }

    @Test("An image that fails is withdrawn, and the build says why")
    func failedImageIsWithdrawn() async throws {
        let farm = try await farm()
        for agent in farm.agents { await agent.change { $0.testPlan = .fail(Self.failure) } }
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .passed, .failed)
            #expect(failed.state == .failed && failed.fault == Self.failure)
            #expect(failed.image == nil, "no URL leads to a missing file")
            #expect(await farm.webRoot.published.isEmpty)
            let records = try await farm.store.testRecords(ofBuild: build.id)
            #expect(records.map(\.result.result) == [.failed, .passed])
            #expect(records.first?.result.detail == Self.failure.reason)
            let rows = try await farm.store.buildLog(guestOSID: nil, limit: 5)
            #expect(rows.map(\.getURL) == [""], "the results keep the row that they refer to")
            #expect(try await farm.store.attempts(ofBuild: build.id).count == 2, "no retry")
        }
    }

    @Test("A host fault repeats the test on another host, and not the build")
    func hostFaultRepeatsTest() async throws {
        let farm = try await farm()
        for agent in farm.agents {
            await agent.change {
                $0.testPlan = .fail(Fault(.infrastructure, .diskFull, "the disk is full"))
            }
        }
        try await farm.runBuild { _, build in
            try await eventually("a test failed by its host") {
                try await farm.store.build(id: build.id)?.attemptCount == 2
            }
            let waits = try await farm.wait(build, .queued)
            #expect(waits.stage == .test && waits.image != nil)
            let first = try #require(waits.host)
            for agent in farm.agents { await agent.change { $0.testPlan = nil } }
            let passed = try await farm.wait(build, .passed, .failed, passing: 1_000)
            #expect(passed.state == .passed)
            let attempts = try await farm.store.attempts(ofBuild: build.id)
            #expect(attempts.map(\.stage) == [.build, .test, .test])
            #expect(attempts[1].host == first && attempts[2].host != first)
            let records = try await farm.store.testRecords(ofBuild: build.id)
            #expect(records.count == 2, "a fault of the host has judged nothing")
            #expect(await farm.webRoot.withdrawn.isEmpty)
        }
    }

    /// Hours of building are not thrown away because no host could test.
    @Test("An image that no host could test is kept")
    func untestedImageIsKept() async throws {
        let farm = try await farm()
        let fault = Fault(.infrastructure, .baseImageFetch, "no route")
        for agent in farm.agents {
            await agent.change {
                $0.plan = .fail(fault)
                $0.testPlan = .fail(fault)
            }
        }
        try await farm.runBuild { _, build in
            try await eventually("its first attempt failed by its host") {
                try await farm.store.build(id: build.id)?.fault == fault
            }
            for agent in farm.agents { await agent.change { $0.plan = .pass([1]) } }
            let failed = try await farm.wait(build, .passed, .failed, passing: 2_000)
            #expect(failed.state == .failed && failed.fault?.code == .baseImageFetch)
            let path = try #require(failed.image?.path)
            #expect(failed.fault?.reason.hasSuffix("is kept at \(path)") == true)
            let attempts = try await farm.store.attempts(ofBuild: build.id)
            let stages = attempts.map(\.stage)
            #expect(stages.count { $0 == .build } == 2)
            #expect(stages.count { $0 == .test } == RetryPolicy.attempts, "counted for each stage")
            #expect(await farm.webRoot.published.count == 1)
        }
    }

    @Test("A pass without a result for every case is not accepted")
    func missingResult() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.forgottenTests = ["ssh"] }
        try await farm.runBuild { _, build in
            try await eventually("a test that said too little") {
                try await farm.store.build(id: build.id)?.attemptCount == 2
            }
            let waits = try await farm.wait(build, .queued)
            #expect(waits.fault?.reason.contains("no result of 'ssh'") == true)
            #expect(await farm.webRoot.promoted.isEmpty)
        }
    }

    @Test("Cancelling a queued test withdraws the image")
    func cancelQueuedTest() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.testPlan = .answer(.refused) }
        try await farm.runBuild { coordinator, build in
            try await eventually("a test was refused") {
                try await farm.store.build(id: build.id)?.attemptCount == 2
            }
            let waits = try await farm.wait(build, .queued)
            let ended = try await coordinator.leading().cancellation.cancel(waits, by: "anna")
            #expect(ended.state == .cancelled && ended.image == nil)
            #expect(await farm.webRoot.published.isEmpty)
        }
    }

    @Test("Cancelling a running test withdraws the image")
    func cancelRunningTest() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.testPlan = .hang }
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .testing)
            _ = try await farm.attempt(on: farm.agents[0])
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            let ended = try await farm.wait(build, .cancelled, .passed)
            #expect(ended.state == .cancelled && ended.image == nil)
            #expect(await farm.webRoot.published.isEmpty)
            #expect(try await farm.store.testRecords(ofBuild: build.id).isEmpty)
        }
    }

    /// The host is lost and the build cancelled: its image is withdrawn nevertheless.
    @Test("A cancel request during a host fault also withdraws the image")
    func cancelWithHostFault() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.testPlan = .hang }
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .testing)
            let token = try await farm.attempt(on: farm.agents[0])
            // The request is stored, but this coordinator did not receive it.
            _ = try await farm.leader.requestCancel(build: build.id)
            await farm.agents[0].end(
                token, .fail(Fault(.infrastructure, .diskFull, "the disk is full")))
            let ended = try await farm.wait(build, .cancelled, .failed, .passed, passing: 1_000)
            #expect(ended.state == .cancelled && ended.image == nil)
            #expect(await farm.webRoot.published.isEmpty)
        }
    }

    /// It met a fault of its own before it executed the request.
    @Test("A cancel request that its host never received also withdraws the image")
    func undeliveredCancel() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.testPlan = .hang }
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .testing)
            let token = try await farm.attempt(on: farm.agents[0])
            await farm.agents[0].change { $0.isStuck = true }
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            await farm.agents[0].change { $0.isStuck = false }
            await farm.agents[0].end(
                token, .fail(Fault(.infrastructure, .diskFull, "the disk is full")))
            let ended = try await farm.wait(build, .cancelled, .failed, .passed)
            #expect(ended.state == .cancelled && ended.image == nil)
            #expect(await farm.webRoot.published.isEmpty)
        }
    }

    @Test("Hosts that cannot run the test plan are named")
    func hostsWithoutAbilities() async throws {
        let farm = try await farm(hosts: 1, cases: [])
        await farm.agents[0].change { $0.report.testAbilities = nil }
        try await farm.run { coordinator in
            let program = TestDefinition(program: "#!/bin/sh\ntrue\n")
            _ = try await coordinator.leading().testCases.add(
                .init("winrm", .linux, program), by: "anna")
            let failed = try await farm.wait(
                try await farm.submit(coordinator), .failed, .passed)
            #expect(failed.fault?.reason.contains("h0: cannot run programs") == true)
        }
    }

    @Test("Hosts that cannot test are named")
    func hostsWithoutTests() async throws {
        let farm = try await farm(hosts: 1)
        await farm.agents[0].change { $0.report.runsTests = nil }
        try await farm.runBuild { _, build in
            let failed = try await farm.wait(build, .failed, .passed)
            #expect(failed.fault?.code == .impossible)
            #expect(failed.fault?.reason.contains("h0: cannot test images") == true)
            #expect(await farm.webRoot.published.count == 1)
        }
    }

    @Test("Registered cases come first unless the template skips them")
    func registeredCasesComeFirst() async throws {
        let farm = try await farm(cases: ["own"])
        try await farm.run { coordinator in
            for name in ["boots", "not-here"] {
                _ = try await coordinator.leading().testCases.add(
                    .init(name, .linux, TestDefinition(builtin: .boot)), by: "anna")
            }
            _ = try await coordinator.leading().testCases.add(
                .init("win", .windows, TestDefinition(builtin: .boot)), by: "anna")
            _ = try await coordinator.leading().testCases.add(
                .init("by hand", .linux, nil), by: "anna")
            var tests = ImageTests.of(["own"])
            tests.skip = ["not-here"]
            farm.templates.test(tests)
            let build = try await farm.submit(coordinator)
            #expect(build.plan.tests?.plan.cases.map(\.name) == ["boots", "own"])
            let passed = try await farm.wait(build, .passed, .failed)
            #expect(passed.state == .passed)
            let ids = try await farm.store.testRecords(ofBuild: build.id).map(\.caseID)
            let known = try await farm.store.testCases(.linux).first { $0.name == "boots" }
            #expect(ids == [known?.id, nil])
        }
    }

    @Test("A registered program reaches an agent that can run it")
    func registeredProgram() async throws {
        let farm = try await farm(hosts: 1, cases: [])
        await farm.agents[0].change { $0.testPlan = .hang }
        try await farm.run { coordinator in
            let program = TestDefinition(program: "#!/bin/sh\ntrue\n", limitSeconds: 7)
            _ = try await coordinator.leading().testCases.add(
                .init("winrm", .linux, program), by: "anna")
            let build = try await farm.submit(coordinator)
            try await farm.wait(build, .testing)
            let token = try await farm.attempt(on: farm.agents[0])
            let test = await farm.agents[0].attempts[token]?.start.tests?.cases.first
            #expect(test?.kind == .program && test?.text == "#!/bin/sh\ntrue\n")
            #expect(test?.command == nil && test?.limitSeconds == 7)
        }
    }

    /// Each is as long as it may be, and so are all together; JSON makes six bytes of each byte.
    @Test("Registered programs whose instructions do not fit a message are refused at submission")
    func oversizedPrograms() async throws {
        let farm = try await farm(hosts: 1, cases: [])
        try await farm.run { coordinator in
            let head = "#!/bin/sh\n"
            let rest = ProtocolLimits.testScriptBytes - head.utf8.count
            let program = TestDefinition(
                program: head + String(repeating: "\u{1}", count: rest))
            for number in 1...ProtocolLimits.testScriptsBytes / ProtocolLimits.testScriptBytes {
                _ = try await coordinator.leading().testCases.add(
                    .init("large\(number)", .linux, program), by: "anna")
            }
            let fault = await #expect(throws: TemplateFault.self) {
                try await farm.submit(coordinator)
            }
            #expect(fault?.description.contains("the registered programs shorter") == true)
            #expect(try await farm.store.builds(BuildFilter(), limit: 9).isEmpty)
        }
    }

    @Test("A registered script needs a login")
    func scriptNeedsLogin() async throws {
        let farm = try await farm(cases: [])
        try await farm.run { coordinator in
            _ = try await coordinator.leading().testCases.add(
                .init("selinux", .linux, TestDefinition(script: "#!/bin/sh\ntrue\n")), by: "anna")
            await #expect(throws: TemplateFault.self) { try await farm.submit(coordinator) }
            try await coordinator.leading().testCases.remove("selinux", osType: nil, by: "anna")
            let build = try await farm.submit(coordinator)
            #expect(build.plan.tests == nil, "no case, no second stage")
            try await farm.wait(build, .passed)
        }
    }
}

extension ImageTests {
    static func of(_ names: [String]) -> ImageTests {
        var tests = ImageTests(requirements: Requirements())
        tests.plan.cases = names.map { PlannedTest(name: $0, kind: .boot, limitSeconds: 60) }
        return tests
    }
}
