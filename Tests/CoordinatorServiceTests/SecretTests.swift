import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// Secrets of the coordinator on their way to a build.
@Suite struct SecretTests {
    private static let value = "hunter22-and-more"

    private struct Source: SecretSource {
        var guestOSes = ["*"]
        var place = "file /etc/token"
        var answer: Result<Secret, SecretFault>
        func value() async throws(SecretFault) -> Secret { try answer.get() }
    }

    private func farm(
        _ environment: [String: EnvironmentValue] = ["TOKEN": .secret("cloud")],
        guestOSes: [String] = ["deb*"], withholdsSecrets: Bool? = nil
    ) async throws -> TestFarm {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.environment(environment, withholdsSecrets: withholdsSecrets)
        try await farm.leader.put(
            FarmSecret(
                name: "cloud", guestOSes: guestOSes, createdMilliseconds: 1,
                changedMilliseconds: 1, changedBy: "anna"), value: Secret(Self.value))
        return farm
    }

    private func started(_ farm: TestFarm) async -> [Start] {
        await farm.agents[0].said.compactMap { message in
            if case .start(let start) = message { start } else { nil }
        }
    }

    @Test("A build gets the value with its start, and no record has it")
    func delivery() async throws {
        let farm = try await farm()
        try await farm.runBuild { _, build in
            let passed = try await farm.wait(build, .passed, .failed)
            #expect(passed.state == .passed)
            let start = try #require(await started(farm).first)
            #expect(start.secrets?.values == ["cloud": Self.value])
            #expect(!"\(start)".contains(Self.value), "a description has no value")
            #expect(passed.plan.farmSecrets == ["cloud"])
            var recorded = ""
            dump(passed, to: &recorded)
            #expect(recorded.contains("farmSecrets") && !recorded.contains(Self.value))
            let uses = try await farm.store.audit(limit: 9).filter { $0.action == "secret.use" }
            #expect(uses.map(\.subject) == ["debian:1"])
            #expect(uses.map(\.detail) == ["on host h0: cloud"])
        }
    }

    @Test("A build that may not use secrets has none: neither a value nor a name")
    func withheld() async throws {
        let farm = try await farm(
            ["TOKEN": .secret("cloud"), "KEY": .secretFile("unknown"), "A": .text("b")],
            withholdsSecrets: true)
        try await farm.runBuild { _, build in
            try await farm.wait(build, .passed)
            let start = try #require(await started(farm).first)
            #expect(start.secrets == nil)
            #expect(start.recipe.environment == ["A": .text("b")])
            #expect(try await farm.store.audit(limit: 9).allSatisfy { $0.action != "secret.use" })
        }
    }

    @Test("A host's own secret is not sent, unless it is not for the guest OS")
    func hostFirst() async throws {
        for (allowed, isSent) in [(nil, false), (["debian"], false), (["other"], true)] {
            let farm = try await farm()
            await farm.agents[0].change {
                $0.report.secrets = ["cloud"]
                $0.report.secretGuestOSes = allowed.map { ["cloud": $0] }
            }
            try await farm.runBuild { _, build in
                try await farm.wait(build, .passed)
                let start = try #require(await started(farm).first)
                #expect((start.secrets != nil) == isSent)
            }
        }
    }

    @Test("An unknown secret, or one that is not for the guest OS, is refused at submission")
    func refusals() async throws {
        for (environment, why) in [
            (["A": EnvironmentValue.secret("clouds")], "has no secret 'clouds'"),
            (["A": .secret("cloud")], "the coordinator keeps the secret 'cloud' from the guest OS"),
        ] {
            let farm = try await farm(environment, guestOSes: ["centos"])
            try await farm.run { coordinator in
                let error = await #expect(throws: Refusal.self) {
                    try await farm.submit(coordinator)
                }
                #expect(error?.description.contains(why) == true, "\(String(describing: error))")
            }
        }
    }

    @Test("A build whose secret is lost is refused, with and without a host")
    func lost() async throws {
        for hosts in [0, 1] {
            let farm = try await TestFarm(hosts: hosts)
            farm.templates.environment(["TOKEN": .secret("cloud")])
            try await farm.leader.put(
                FarmSecret(
                    name: "cloud", guestOSes: ["*"], createdMilliseconds: 1,
                    changedMilliseconds: 1, changedBy: "anna", isLost: true),
                value: Secret(Self.value))
            try await farm.run { coordinator in
                let error = await #expect(throws: Refusal.self) {
                    try await farm.submit(coordinator)
                }
                #expect(
                    error?.description.contains("aibuild secret change cloud --from-file FILE")
                        == true, "\(String(describing: error))")
                let queued = try await farm.store.builds(BuildFilter(), limit: 9)
                #expect(queued.isEmpty)
                let problems = try await LostSecrets(ports: farm.ports).problems()
                #expect(
                    problems.map(\.remedy) == [
                        "Set it anew: aibuild secret change cloud --from-file FILE"
                    ])
            }
        }
    }

    @Test("A host's own secret is used in place of one that is lost")
    func lostButThere() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.environment(["TOKEN": .secret("cloud")])
        await farm.agents[0].change { $0.report.secrets = ["cloud"] }
        try await farm.leader.put(
            FarmSecret(
                name: "cloud", guestOSes: ["*"], createdMilliseconds: 1, changedMilliseconds: 1,
                changedBy: "anna", isLost: true), value: Secret(Self.value))
        try await farm.runBuild { _, build in try await farm.wait(build, .passed) }
    }

    @Test("An agent that knows no such secrets gets no such build")
    func oldAgent() async throws {
        let farm = try await farm()
        await farm.agents[0].change { $0.report.buildAbilities = ["environment"] }
        try await farm.run { coordinator in
            let error = await #expect(throws: Refusal.self) { try await farm.submit(coordinator) }
            #expect(error?.description.contains("upgrade its agent") == true)
        }
    }

    @Test("A source of coordinator.yml comes before the store; its failure blames no host")
    func sources() async throws {
        let farm = try await farm()
        farm.secretSources.withLock {
            $0["cloud"] = Source(answer: .failure(SecretFault("Vault is sealed: unseal it")))
        }
        try await farm.runBuild { coordinator, build in
            try await eventually("the attempt failed") {
                try await farm.faults(build) == ["h0 secret.unavailable"]
            }
            let attempt = try #require(try await farm.store.attempts(ofBuild: build.id).first)
            #expect(attempt.outcome?.fault?.reason == "Vault is sealed: unseal it")
            #expect(await started(farm).isEmpty)
            #expect(try await coordinator.leading().hosts.snapshot("h0").state == "ready")
        }
        farm.secretSources.withLock {
            $0["cloud"] = Source(answer: .success(Secret("from the source")))
        }
        try await farm.runBuild { coordinator, build in
            try await farm.wait(build, .passed)
            #expect(await started(farm).last?.secrets?.values == ["cloud": "from the source"])
            let error = await #expect(throws: Refusal.self) {
                try await coordinator.leading().secrets.put(
                    "cloud", SecretForm(guestOSes: ["*"]), by: "anna")
            }
            #expect(error?.description.contains("file /etc/token") == true)
        }
    }

    @Test("A login of the coordinator is no secret for builds, and is not offered to them")
    func coordinatorsOwn() async throws {
        let farm = try await farm(guestOSes: [])
        try await farm.run { coordinator in
            let error = await #expect(throws: Refusal.self) { try await farm.submit(coordinator) }
            let text = error?.description ?? ""
            #expect(text.contains("is a login of the coordinator itself"), "\(text)")
            #expect(!text.contains("--guest-os"), "\(text)")
        }
    }

    @Test("A secret that was removed while the build waited fails it, with what to do")
    func removedSecret() async throws {
        let farm = try await farm()
        await farm.agents[0].goAway()
        try await farm.runBuild { coordinator, build in
            try await coordinator.leading().secrets.remove("cloud", by: "anna")
            await farm.agents[0].comeBack()
            let failed = try await farm.wait(build, .failed, passing: 1000)
            #expect(failed.fault?.reason.contains("aibuild secret add cloud") == true)
            #expect(failed.fault?.class == .template)
        }
    }
}
