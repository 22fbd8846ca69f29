import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Testing

/// Builds that differ from what their guest OS says.
@Suite(.timeLimit(.minutes(1))) struct BuildChangeTests {
    @Test("A build takes variables and a branch of its own, and a branch is not released by itself")
    func changes() async throws {
        let farm = try await TestFarm(hosts: 0, templateServer: FakeTemplateServer())
        farm.templates.release(ReleasePlan(to: []))
        farm.templates.variables(["mirror": "a", "size": "1"])
        try await farm.run { coordinator in
            let leader = try coordinator.leading()
            var form = GuestOSForm(name: "a", type: .linux)
            form.variables = ["size": "2"]
            _ = try await leader.guestOSes.register(form, by: "anna")
            func submit(_ change: PlanChange) async throws -> Build {
                try await leader.submission.submit(
                    guestOS: "a", change, priority: 0, owner: nil, reason: "", by: "anna")
            }
            let plain = try await submit(PlanChange())
            #expect(plain.plan.recipe.variables == ["mirror": "a", "size": "2"])
            #expect(plain.plan.release != nil && plain.plan.commit == "c0ffee")
            let other = try await submit(
                PlanChange(variables: ["size": "3"], ref: "try-zfs"))
            #expect(other.plan.recipe.variables == ["mirror": "a", "size": "3"])
            #expect(other.plan.release == nil && other.plan.commit == "c0ffee at try-zfs")
            #expect(other.plan.change == PlanChange(variables: ["size": "3"], ref: "try-zfs"))
            #expect(plain.plan.change == nil)
            let known = try await farm.store.guestOS(named: "a")
            #expect(known?.variables == ["size": "2"], "the guest OS stays as it is")
            await #expect(throws: Refusal.self) {
                _ = try await submit(PlanChange(variables: ["a b": "x"]))
            }
            var folder = GuestOSForm(name: "b", type: .linux)
            folder.template = .folder(path: "/srv/b")
            _ = try await leader.guestOSes.register(folder, by: "anna")
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.submission.submit(
                    guestOS: "b", PlanChange(ref: "main"), priority: 0, owner: nil,
                    reason: "", by: "anna")
            }
            #expect(refusal?.description.contains("is in no Git repository") == true)
        }
    }
}
