import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Support
import TestSupport
import Testing

/// What the policy of an environment does to releases, from registration to the cloud.
@Suite("Release policies", .timeLimit(.minutes(2))) struct ReleasePolicyTests {
    private static let openstack = EnvironmentSettings.openstack(
        OpenStackSettings(authURL: "http://k", project: "p", username: "u"))

    private func environment(_ name: String, _ policy: ReleasePolicy) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "id-\(name)", name: name, settings: Self.openstack, policy: policy,
            createdMilliseconds: 0)
    }

    /// A farm with the environment `lab`, the guest OSes `debian` and `centos7`, and a build of
    /// `debian` that passed.
    private func farm(
        _ policy: ReleasePolicy = ReleasePolicy(), _ plan: ReleasePlan? = nil,
        _ body: (TestFarm, Leader, Build) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.release(plan)
        try await farm.leader.add(environment("lab", policy), secret: nil)
        try await farm.leader.add(
            GuestOS(
                id: "os-2", name: "centos7", type: .linux, distro: "", version: "", baseISO: "",
                template: .folder(path: "/t"), owner: "team", createdMilliseconds: 0))
        try await farm.run { coordinator in
            let build = try await farm.wait(try await farm.submit(coordinator), .passed)
            try await body(farm, coordinator.leading(), build)
        }
    }

    /// The release that `aibuild.yml` has requested, in the state.
    private func automatic(
        _ farm: TestFarm, _ build: Build, _ state: ReleaseState
    ) async throws -> Release {
        var last: Release?
        return try await eventually("the release is \(state), it is \(String(describing: last))") {
            last = try await farm.store.releases(ReleaseFilter(build: build.id), limit: 1).first
            return last?.state == state ? last : nil
        }
    }

    private func change(
        _ farm: TestFarm, _ edit: (inout ReleasePolicy) -> Void
    ) async throws {
        var lab = try #require(try await farm.store.environment(named: "lab"))
        edit(&lab.policy)
        try await farm.leader.update(lab, secret: nil)
    }

    @Test("A template cannot release under another guest OS's name")
    func otherName() async throws {
        // Whether or not the environment allows names of a template's choice.
        for (policy, why) in [
            (ReleasePolicy(), "its policy allows images debianx86_64."),
            (.unrestricted, "belongs to guest OS centos7"),
        ] {
            let plan = ReleasePlan(to: ["lab"], name: "centos7x86_64")
            try await farm(policy, plan) { farm, leader, build in
                let refused = try await automatic(farm, build, .refused)
                #expect(refused.fault?.description.contains(why) == true)
                #expect(refused.attemptCount == 0 && refused.endedMilliseconds != nil)
                #expect(try await farm.store.build(id: build.id)?.state == .passed)
                let refusal = await #expect(throws: Refusal.self) {
                    _ = try await leader.releaseRequests.submit(
                        build, to: ["lab"], format: nil, by: "anna")
                }
                #expect(refusal?.description.contains(why) == true)
                #expect(try await farm.store.releases(ReleaseFilter(), limit: 9).count == 1)
                #expect(await farm.target.calls.isEmpty)
            }
        }
    }

    @Test("An environment takes only images of the guest OSes that it names")
    func guestOSes() async throws {
        let policy = ReleasePolicy(guestOSes: [NamePattern("centos*")])
        try await farm(policy, ReleasePlan(to: ["lab"])) { farm, leader, build in
            let refused = try await automatic(farm, build, .refused)
            #expect(
                refused.fault?.description.contains("its policy allows guest OSes centos*") == true)
            // Allowed meanwhile: it can be released again.
            try await change(farm) { $0.guestOSes.append(NamePattern("debian")) }
            let again = try await leader.releaseRequests.retry(refused.id, by: "anna")
            _ = try await wait(farm, again.id, .released)
        }
    }

    private func wait(
        _ farm: TestFarm, _ id: String, _ state: ReleaseState
    ) async throws -> Release {
        var last = "none"
        return try await eventually("the release is \(state), it is \(last)") {
            let release = try await farm.store.release(id: id)
            last = release?.state.rawValue ?? "none"
            return release?.state == state ? release : nil
        }
    }

    @Test("The first guest OS that releases under a name keeps it until a person gives it away")
    func owner() async throws {
        let plan = ReleasePlan(name: "gold")
        try await farm(.unrestricted, plan) { farm, leader, build in
            func submit() async throws -> Release {
                try await leader.releaseRequests.submit(
                    build, to: ["lab"], format: nil, by: "anna")[0]
            }
            _ = try await wait(farm, try await submit().id, .released)
            #expect(try await farm.store.releaseName("gold", in: "lab")?.guestOS == "debian")
            _ = try await leader.environments.give("gold", in: "lab", to: "centos7", by: "anna")
            let refusal = await #expect(throws: Refusal.self) { _ = try await submit() }
            #expect(refusal?.description.contains("belongs to guest OS centos7") == true)
            let rollback = await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.rollBack(
                    guestOS: "debian", in: ["lab"], by: "anna")
            }
            #expect(rollback?.description.contains("belongs to guest OS centos7") == true)
            _ = try await leader.environments.give("gold", in: "lab", to: "debian", by: "anna")
            _ = try await wait(farm, try await submit().id, .released)
            let audit = try await farm.store.audit(limit: 9)
            #expect(
                audit.filter { $0.action == "env.give" }.map(\.detail) == [
                    "gold: centos7 → debian", "gold: debian → centos7",
                ])
            await #expect(throws: StoreError.self) {
                _ = try await leader.environments.give("gold", in: "lab", to: "none", by: "anna")
            }
        }
    }

    @Test("A release that fails leaves its name to others")
    func failedRelease() async throws {
        try await farm(.unrestricted, ReleasePlan(name: "gold")) { farm, leader, build in
            await farm.target.answer(.fault(ReleaseFault(.rejected, "no")))
            let made = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "anna")
            _ = try await wait(farm, made[0].id, .failed)
            #expect(try await farm.store.releaseName("gold", in: "lab") == nil)
        }
    }

    @Test("An automatic release waits for a person if the environment says so")
    func approval() async throws {
        let policy = ReleasePolicy(needsApproval: true)
        try await farm(policy, ReleasePlan(to: ["lab"])) { farm, leader, build in
            let waiting = try await automatic(farm, build, .awaitingApproval)
            #expect(await farm.target.calls.isEmpty)
            _ = try await leader.releaseRequests.approve(waiting.id, by: "anna")
            let done = try await wait(farm, waiting.id, .released)
            #expect(done.approvedBy == "anna" && done.attemptCount == 1)
            await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.approve(waiting.id, by: "anna")
            }
            // Who requests one has agreed to it.
            let made = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "bert")
            #expect(try await wait(farm, made[0].id, .released).approvedBy == "bert")
        }
    }

    @Test("A person can refuse a release that waits for approval")
    func refuse() async throws {
        let plan = ReleasePlan(to: ["lab"], when: .manual)
        try await farm(ReleasePolicy(), plan) { farm, leader, build in
            let waiting = try await automatic(farm, build, .awaitingApproval)
            let refused = try await leader.releaseRequests.refuse(
                waiting.id, reason: "old kernel", by: "anna")
            #expect(refused.state == .refused)
            #expect(refused.fault?.description == "refused by anna: old kernel")
            let actions = try await farm.store.audit(limit: 9)
            #expect(actions.contains { $0.action == "release.refuse" && $0.actor == "anna" })
            await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.refuse(waiting.id, reason: "", by: "anna")
            }
            #expect(await farm.target.calls.isEmpty)
        }
    }

    @Test("An approval does not override the policy")
    func approvalOfRefused() async throws {
        let policy = ReleasePolicy(needsApproval: true)
        try await farm(policy, ReleasePlan(to: ["lab"])) { farm, leader, build in
            let waiting = try await automatic(farm, build, .awaitingApproval)
            try await change(farm) { $0.guestOSes = [NamePattern("centos7")] }
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.approve(waiting.id, by: "anna")
            }
            #expect(refusal?.description.contains("its policy allows guest OSes centos7") == true)
            #expect(try await farm.store.release(id: waiting.id)?.state == .awaitingApproval)
        }
    }

    @Test("A policy that is tightened applies to releases that wait for their turn")
    func tightenedMeanwhile() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.fault(ReleaseFault(.failed, "away")), .success)
            let made = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "anna")
            try await eventually("the first try has failed") {
                try await farm.store.release(id: made[0].id)?.fault != nil
            }
            try await change(farm) { $0.guestOSes = [NamePattern("centos7")] }
            await farm.clock.advance(milliseconds: 10_000)
            let refused = try await wait(farm, made[0].id, .refused)
            #expect(
                refused.fault?.description.contains("its policy allows guest OSes centos7") == true)
            #expect(await farm.target.halfMade.isEmpty, "the first try's image is taken back")
            #expect(try await farm.store.releaseName("debianx86_64", in: "lab") == nil)
        }
    }

    @Test("What passes through another environment must be allowed there as well")
    func passage() async throws {
        try await farm { farm, leader, build in
            try await farm.leader.add(
                environment("store", ReleasePolicy(guestOSes: [NamePattern("centos7")])),
                secret: nil)
            await farm.target.pass(through: "store")
            let made = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "anna")
            let refused = try await wait(farm, made[0].id, .refused)
            #expect(
                refused.fault?.description.hasPrefix("environment store takes no image of guest")
                    == true)
            #expect(await farm.target.images.isEmpty)
        }
    }

    @Test("A release that waits for approval survives a restart, and its wait ends")
    func restart() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.release(ReleasePlan(to: ["lab"]))
        try await farm.leader.add(
            environment("lab", ReleasePolicy(needsApproval: true)), secret: nil)
        var builds: [Build] = []
        try await farm.run { coordinator in
            for _ in 1...2 {
                builds.append(try await farm.wait(try await farm.submit(coordinator), .passed))
            }
            for build in builds { _ = try await automatic(farm, build, .awaitingApproval) }
        }
        try await farm.run { coordinator in
            let first = try await automatic(farm, builds[0], .awaitingApproval)
            _ = try await coordinator.leading().releaseRequests.approve(first.id, by: "anna")
            _ = try await wait(farm, first.id, .released)
        }
        let days = ServiceLimits().releaseApprovalMilliseconds
        try await farm.run { _ in
            await farm.clock.advance(milliseconds: days - 60_000)
            #expect(try await automatic(farm, builds[1], .awaitingApproval).fault == nil)
            await farm.clock.advance(milliseconds: 120_000)
            let refused = try await automatic(farm, builds[1], .refused)
            #expect(refused.fault?.description.hasPrefix("nobody approved it within 14") == true)
        }
        #expect(await farm.target.calls == ["release lab"])
    }

    @Test("The wait for an approval ends while no coordinator runs")
    func expiresMeanwhile() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.release(ReleasePlan(to: ["lab"], when: .manual))
        try await farm.leader.add(environment("lab", ReleasePolicy()), secret: nil)
        var build: Build?
        try await farm.run { coordinator in
            build = try await farm.wait(try await farm.submit(coordinator), .passed)
        }
        await farm.clock.advance(milliseconds: ServiceLimits().releaseApprovalMilliseconds)
        try await farm.run { _ in _ = try await automatic(farm, try #require(build), .refused) }
    }

    @Test("A template that an environment refuses is refused when its guest OS is registered")
    func registration() async throws {
        try await farm { farm, leader, _ in
            farm.templates.release(ReleasePlan(to: ["lab", "unknown"], name: "gold"))
            var form = GuestOSForm(name: "new", type: .linux, template: .folder(path: "/t"))
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.guestOSes.register(form, by: "anna")
            }
            #expect(
                refusal?.description.contains(
                    "environment lab takes no image named 'gold' of guest OS new (release: name "
                        + "in aibuild.yml): its policy allows images newx86_64.") == true)
            #expect(try await farm.store.guestOS(named: "new") == nil)
            form.name = "debian"
            await #expect(throws: Refusal.self) {
                _ = try await leader.guestOSes.change(form, by: "anna")
            }
            try await change(farm) { $0.images = [NamePattern("gold")] }
            form.name = "new"
            _ = try await leader.guestOSes.register(form, by: "anna")
        }
    }

    @Test("A change of an environment keeps what the request leaves out")
    func partialChange() async throws {
        try await farm(ReleasePolicy(images: [NamePattern("gold")])) { farm, leader, _ in
            let environments = leader.environments
            func change(_ policy: ReleasePolicyChange?) async throws -> ReleaseEnvironment {
                try await environments.change(
                    EnvironmentForm(name: "lab", policy: policy, isUnchecked: true), by: "anna"
                ).0
            }
            var expected = ReleasePolicy(images: [NamePattern("gold")])
            #expect(try await change(nil).policy == expected)
            expected.needsApproval = true
            let changed = try await change(ReleasePolicyChange(approval: true))
            #expect(changed.policy == expected && changed.settings == Self.openstack)
            #expect(try await farm.store.environment(named: "lab") == changed)
            await #expect(throws: Refusal.self) {
                _ = try await change(ReleasePolicyChange(guestos: []))
            }
            await #expect(throws: Refusal.self) {
                _ = try await environments.register(EnvironmentForm(name: "other"), by: "anna")
            }
        }
    }
}
