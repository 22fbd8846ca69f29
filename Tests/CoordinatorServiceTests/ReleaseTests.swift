import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Support
import TestSupport
import Testing

/// Releases from the request to the end, with a target that a test controls.
@Suite(.timeLimit(.minutes(2))) struct ReleaseTests {
    private func settings() -> EnvironmentSettings {
        .registry(RegistrySettings(url: "https://r"))
    }

    /// A farm with a build that passed and environments `e1`, `e2`, ….
    private func farm(
        environments: Int = 1, _ plan: ReleasePlan? = nil,
        _ body: (TestFarm, Coordinator, Build) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.release(plan)
        for number in 1...max(1, environments) {
            try await farm.leader.add(
                ReleaseEnvironment(
                    id: "env-\(number)", name: "e\(number)", settings: settings(),
                    createdMilliseconds: 0), secret: Secret("s"))
        }
        try await farm.run { coordinator in
            let build = try await passed(farm, coordinator)
            try await body(farm, coordinator, build)
        }
    }

    private func passed(_ farm: TestFarm, _ coordinator: Coordinator) async throws -> Build {
        try await farm.wait(try await farm.submit(coordinator), .passed)
    }

    @Test("An image is released only after its tests passed")
    func releaseAfterTests() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.test(.of(["boot"]))
        farm.templates.release(ReleasePlan(to: ["e1"], when: .manual))
        await farm.agents[0].change { $0.testPlan = .hang }
        try await farm.runBuild { _, build in
            try await farm.wait(build, .testing)
            let token = try await farm.attempt(on: farm.agents[0])
            #expect(try await farm.store.releases(ReleaseFilter(), limit: 9).isEmpty)
            await farm.agents[0].end(token, .pass([]))
            try await farm.wait(build, .passed)
            #expect(try await farm.store.releases(ReleaseFilter(), limit: 9).count == 1)
        }
    }

    private func wait(
        _ farm: TestFarm, _ release: Release, _ state: ReleaseState, passing: Int64 = 0
    ) async throws -> Release {
        var last = release
        return try await eventually("\(release.environment) is \(state), it is \(last)") {
            last = try #require(try await farm.store.release(id: release.id))
            if last.state == state { return last }
            await farm.clock.advance(milliseconds: passing)
            return nil
        }
    }

    @Test("An image goes to several environments at once")
    func severalEnvironments() async throws {
        try await farm(environments: 3) { farm, coordinator, build in
            let gate = Flag()
            await farm.target.hold(until: gate)
            let made = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1", "e2", "e3", "e1"], format: nil, by: "anna")
            #expect(made.map(\.environment) == ["e1", "e2", "e3"])
            try await eventually("all three run") { await farm.target.atOnce == 3 }
            await #expect(throws: Refusal.self) {
                _ = try await coordinator.leading().releaseRequests.submit(
                    build, to: ["e2"], format: nil, by: "anna")
            }
            await gate.raise()
            for release in made {
                let done = try await wait(farm, release, .released)
                #expect(done.result != nil && done.attemptCount == 1)
            }
            let actions = try await farm.store.audit(limit: 10).map(\.action)
            #expect(actions.filter { $0 == "release.submit" }.count == 3)
        }
    }

    @Test("What is no disk image is refused for an OpenStack at once")
    func noDiskImage() throws {
        let image = PublishedImage(
            name: "i.tar.gz", path: "", url: "", sizeBytes: 1, sha256: "", format: .file,
            virtualSizeBytes: nil)
        #expect(
            EnvironmentKind.openstack.refusal(of: image)?.contains("i.tar.gz is no disk") == true)
        #expect(EnvironmentKind.registry.refusal(of: image) == nil)
        var disk = image
        disk.format = .qcow2
        #expect(EnvironmentKind.openstack.refusal(of: disk) == nil)
    }

    @Test("A release that fails does not delay the others")
    func failureIsIsolated() async throws {
        try await farm(environments: 2) { farm, coordinator, build in
            await farm.target.answer(.fault(ReleaseFault(.rejected, "quota exceeded")))
            let made = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1"], format: nil, by: "anna")
            let failed = try await wait(farm, made[0], .failed)
            #expect(failed.fault?.description == "quota exceeded")
            let other = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e2"], format: nil, by: "anna")
            _ = try await wait(farm, other[0], .released)
            #expect(await farm.target.halfMade.isEmpty, "what failed left nothing")
            let again = try await coordinator.leading().releaseRequests.retry(
                made[0].id, by: "anna")
            _ = try await wait(farm, again, .released)
        }
    }

    @Test("A transient fault is retried up to a limit")
    func transientFault() async throws {
        try await farm { farm, coordinator, build in
            await farm.target.answer(
                .fault(ReleaseFault(.failed, "away")), .fault(ReleaseFault(.failed, "away")),
                .success)
            let made = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1"], format: nil, by: "anna")
            let done = try await wait(farm, made[0], .released, passing: 1000)
            #expect(done.attemptCount == 3 && done.fault == nil)
            #expect(await farm.target.firstTries == [true, false, false])
            #expect(await farm.target.halfMade.isEmpty)

            await farm.target.answer(
                .fault(ReleaseFault(.failed, "1")), .fault(ReleaseFault(.failed, "2")),
                .fault(ReleaseFault(.failed, "3")),
                .fault(ReleaseFault(.failed, "4")), .fault(ReleaseFault(.failed, "5")),
                .fault(ReleaseFault(.failed, "6")))
            await farm.target.failAbandon(2)
            let next = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1"], format: nil, by: "anna")
            let failed = try await wait(farm, next[0], .failed, passing: 10_000)
            #expect(failed.fault?.description == "6")
            #expect(await farm.target.halfMade.isEmpty, "taken back at the third try")
        }
    }

    @Test("A cancelled release cleans up")
    func cancelCleansUp() async throws {
        try await farm { farm, coordinator, build in
            await farm.target.answer(.hang)
            let made = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1"], format: nil, by: "anna")
            try await eventually("it uploads") { await !farm.target.halfMade.isEmpty }
            _ = try await coordinator.leading().releaseCancellation.cancel(made[0].id, by: "anna")
            let cancelled = try await wait(farm, made[0], .cancelled)
            #expect(cancelled.fault?.description == "cancelled")
            #expect(await farm.target.halfMade.isEmpty)
            await #expect(throws: Refusal.self) {
                _ = try await coordinator.leading().releaseCancellation.cancel(
                    made[0].id, by: "anna")
            }
        }
    }

    @Test("The next coordinator resumes a release")
    func nextLeaderResumes() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.leader.add(
            ReleaseEnvironment(
                id: "env-1", name: "e1", settings: settings(), createdMilliseconds: 0),
            secret: nil)
        var made: [Release] = []
        try await farm.run { coordinator in
            let build = try await passed(farm, coordinator)
            await farm.target.answer(.hang)
            made = try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1"], format: nil, by: "anna")
            try await eventually("it uploads") { await !farm.target.halfMade.isEmpty }
        }
        #expect(try await farm.store.release(id: made[0].id)?.state == .running)
        try await farm.run { _ in
            let done = try await wait(farm, made[0], .released)
            #expect(done.attemptCount == 2)
            #expect(await farm.target.halfMade.isEmpty, "the first try's image is not left")
        }
    }

    @Test("A rollback restores the previous image")
    func rollback() async throws {
        try await farm { farm, coordinator, build in
            var ids: [String] = []
            for _ in 1...2 {
                let made = try await coordinator.leading().releaseRequests.submit(
                    build, to: ["e1"], format: nil, by: "anna")
                ids.append(try await wait(farm, made[0], .released).result?.remoteID ?? "")
                await farm.clock.advance(milliseconds: 10)
            }
            let back = try await coordinator.leading().releaseRequests.rollBack(
                guestOS: "debian", in: ["e1"], by: "anna")
            let done = try await wait(farm, back[0], .released)
            #expect(done.result?.remoteID == ids[0])
            #expect(try await farm.store.release(id: back[0].undoes ?? "")?.state == .rolledBack)
            #expect(await farm.target.images["debian"] == ids[0])
            // There was nothing before the first release.
            let second = try await coordinator.leading().releaseRequests.rollBack(
                guestOS: "debian", in: ["e1"], by: "anna")
            _ = try await wait(farm, second[0], .failed)
        }
    }

    @Test(
        "A template names the environments of its images",
        arguments: [ReleasePlan.When.automatic, .manual])
    func releaseFromTemplate(_ when: ReleasePlan.When) async throws {
        let plan = ReleasePlan(to: ["e1", "gone"], when: when)
        try await farm(plan) { farm, coordinator, build in
            let made = try await farm.store.releases(ReleaseFilter(build: build.id), limit: 9)
            #expect(Set(made.map(\.environment)) == ["e1", "gone"])
            let e1 = try #require(made.first { $0.environment == "e1" })
            if when == .manual {
                #expect(e1.state == .awaitingApproval)
                #expect(await farm.target.calls.isEmpty)
                _ = try await coordinator.leading().releaseRequests.approve(e1.id, by: "anna")
                let actions = try await farm.store.audit(limit: 10)
                #expect(actions.contains { $0.action == "release.approve" && $0.actor == "anna" })
            } else {
                let gone = try #require(made.first { $0.environment == "gone" })
                let failed = try await wait(farm, gone, .failed)
                #expect(failed.fault?.description.contains("no environment 'gone'") == true)
            }
            _ = try await wait(farm, e1, .released)
        }
    }

    @Test("An environment is checked when it is registered")
    func environmentCheck() async throws {
        try await farm { farm, coordinator, _ in
            let environments = try coordinator.leading().environments
            func form(_ name: String, _ secret: String?) -> EnvironmentForm {
                EnvironmentForm(name: name, settings: settings(), secret: secret)
            }
            await #expect(throws: Refusal.self) {
                _ = try await environments.register(form("new", "wrong"), by: "anna")
            }
            #expect(try await farm.store.environment(named: "new") == nil)
            var unchecked = form("new", "wrong")
            unchecked.isUnchecked = true
            _ = try await environments.register(unchecked, by: "anna")
            await #expect(throws: Refusal.self) {
                _ = try await EnvironmentCheck(ports: farm.ports).run("new")
            }
            // Its policy can be changed while the environment is down.
            let policy = EnvironmentForm(name: "new", policy: ReleasePolicyChange(approval: true))
            let (changed, none) = try await environments.change(policy, by: "anna")
            #expect(changed.policy.needsApproval)
            #expect(none.isEmpty)
            let (_, findings) = try await environments.change(form("new", "right"), by: "anna")
            #expect(findings == [EnvironmentFinding(.ok, "answers")])
            _ = try await environments.change(form("new", nil), by: "anna")
            #expect(try await farm.store.secret(ofEnvironment: "new")?.reveal == "right")
            await #expect(throws: Refusal.self) {
                _ = try await environments.register(form("../etc", "x"), by: "anna")
            }
            #expect(try await environments.remove("new", by: "anna").isEmpty)
        }
    }

    /// Otherwise whoever may change an environment reads its password at a server of his own.
    @Test("A stored password is not sent to another address, for another user or another CA")
    func movedEnvironmentNeedsItsSecret() async throws {
        try await farm { farm, coordinator, _ in
            let environments = try coordinator.leading().environments
            func change(_ secret: String?, _ edit: (inout RegistrySettings) -> Void) async throws {
                var settings = RegistrySettings(url: "https://r")
                edit(&settings)
                _ = try await environments.change(
                    EnvironmentForm(
                        name: "e1", settings: .registry(settings), secret: secret,
                        isUnchecked: true), by: "anna")
            }
            let before = try await farm.store.environment(named: "e1")
            for edit: (inout RegistrySettings) -> Void in [
                { $0.url = "https://mine" }, { $0.username = "root" }, { $0.caFile = "/tmp/ca" },
            ] {
                let refusal = await #expect(throws: Refusal.self) { try await change(nil, edit) }
                #expect(refusal?.description.contains("give the password again") == true)
                #expect(try await farm.store.environment(named: "e1") == before)
            }
            try await change(nil) { $0.tag = "newest" }
            #expect(try await farm.store.secret(ofEnvironment: "e1")?.reveal == "s")
            try await change("other") { $0.url = "https://mine" }
            #expect(try await farm.store.secret(ofEnvironment: "e1")?.reveal == "other")
        }
    }

    @Test("Outputs name the image of each environment")
    func outputs() async throws {
        try await farm(environments: 2) { farm, coordinator, build in
            farm.templates.output(
                "stack.yml", "image: {{ result_img_id }} in {{ release.environment }}")
            farm.templates.output("build.txt", "{{ guestos.name }} {{ build.number }}")
            #expect(
                try await BuildOutputs(ports: farm.ports).outputs(of: build).map(\.path) == [
                    "build.txt"
                ])
            var ids: [String: String] = [:]
            for release in try await coordinator.leading().releaseRequests.submit(
                build, to: ["e1", "e2"], format: nil, by: "anna")
            {
                ids[release.environment] =
                    try await wait(farm, release, .released).result?.remoteID
            }
            let outputs = try await BuildOutputs(ports: farm.ports).outputs(of: build)
            #expect(outputs.map(\.path) == ["build.txt", "e1/stack.yml", "e2/stack.yml"])
            #expect(outputs[0].text == "debian 1")
            #expect(outputs[1].text == "image: \(ids["e1"] ?? "?") in e1")
        }
    }

    /// Before anything is built.
    @Test("An unknown name in an output is refused at submission")
    func unknownOutputName() async throws {
        try await farm { farm, coordinator, _ in
            farm.templates.output("stack.yml", "a\nimage: {{ result_image_id }}")
            let fault = await #expect(throws: TemplateFault.self) {
                _ = try await farm.submit(coordinator)
            }
            #expect(fault?.description.hasPrefix("output/stack.yml.j2:2:8: ") == true)
        }
    }
}
