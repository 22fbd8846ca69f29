import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// Secrets of the coordinator as passwords of environments.
@Suite("Secrets of environments", .timeLimit(.minutes(2))) struct EnvironmentSecretTests {
    private struct Source: SecretSource {
        var guestOSes: [String] = []
        var environments = ["prod"]
        var place = "file /etc/token"
        func value() async throws(SecretFault) -> Secret { Secret("right") }
    }

    private func put(
        _ farm: TestFarm, _ name: String, _ environments: [String], value: String? = nil
    ) async throws {
        try await farm.leader.put(
            FarmSecret(
                name: name, guestOSes: [], environments: environments, createdMilliseconds: 1,
                changedMilliseconds: 1, changedBy: "anna"), value: value.map(Secret.init))
    }

    private func form(
        _ name: String, _ secret: String?, password: String? = nil
    ) -> EnvironmentForm {
        EnvironmentForm(
            name: name, settings: .registry(RegistrySettings(url: "https://r")), secret: password,
            secretName: secret)
    }

    @Test("An environment may name a secret that is for it, and no other one")
    func scopes() async throws {
        let farm = try await TestFarm(hosts: 0)
        farm.secretSources.withLock { $0["file"] = Source() }
        try await farm.run { coordinator in
            let environments = try coordinator.leading().environments
            try await put(farm, "cloud", ["lab*"], value: "right\n")
            try await put(farm, "refused", ["*"], value: "wrong\n")
            let both = "secret change cloud --environment 'lab*' --environment 'prod'"
            let refused: [(name: String, secret: String, why: String)] = [
                ("prod", "cloud", both),
                ("lab1", "gone", "aibuild secret add gone --environment 'lab1'"),
                ("lab1", "file", "under environments of the secret in coordinator.yml"),
                ("lab1", "refused", "the password is refused"),
                ("lab1", "a/b", "name of a secret"),
            ]
            for (name, secret, why) in refused {
                let refusal = await #expect(throws: Refusal.self) {
                    _ = try await environments.register(form(name, secret), by: "anna")
                }
                #expect(refusal?.description.contains(why) == true, "\(refusal as Any)")
                #expect(try await farm.store.environment(named: name) == nil)
            }
            await #expect(throws: Refusal.self) {
                let both = form("lab1", "cloud", password: "right")
                _ = try await environments.register(both, by: "anna")
            }
            let (lab, findings) = try await environments.register(
                form("lab1", "cloud"), by: "anna")
            #expect(lab.secretName == "cloud" && findings == [EnvironmentFinding(.ok, "answers")])
            #expect(try await farm.store.secret(ofEnvironment: "lab1") == nil)
            let (prod, _) = try await environments.register(form("prod", "file"), by: "anna")
            #expect(prod.secretName == "file")
            let taken = await #expect(throws: Refusal.self) {
                try await coordinator.leading().secrets.remove("cloud", by: "anna")
            }
            #expect(taken?.description.contains("aibuild env change lab1") == true)
            // A password of its own takes its place, and the other way round.
            let (own, _) = try await environments.change(
                form("lab1", nil, password: "right"), by: "anna")
            #expect(own.secretName == nil)
            try await coordinator.leading().secrets.remove("cloud", by: "anna")
        }
    }

    @Test("A release gets the value of the moment, and none once the secret is for others")
    func releases() async throws {
        let farm = try await TestFarm(hosts: 1)
        try await put(farm, "cloud", ["lab"], value: "right")
        try await farm.run { coordinator in
            _ = try await coordinator.leading().environments.register(
                form("lab", "cloud"), by: "anna")
            let build = try await farm.wait(try await farm.submit(coordinator), .passed)
            let requests = try coordinator.leading().releaseRequests
            let made = try await requests.submit(build, to: ["lab"], format: nil, by: "anna")
            let release = try #require(made.first)
            try await eventually("it is released") {
                try await farm.store.release(id: release.id)?.state == .released
            }
            let uses = try await farm.store.audit(limit: 99).filter { $0.action == "secret.use" }
            #expect(uses.map(\.detail) == ["for the release to lab: cloud"])
            try await put(farm, "cloud", ["other"])
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await requests.submit(build, to: ["lab"], format: nil, by: "anna")
            }
            #expect(
                refusal?.description.contains(
                    "aibuild secret change cloud --environment 'other' --environment 'lab'")
                    == true,
                "\(refusal as Any)")
            await #expect(throws: Refusal.self) {
                _ = try await EnvironmentCheck(ports: farm.ports).run("lab")
            }
        }
    }

    @Test("A secret for environments alone is for no build")
    func noBuild() async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.environment(["TOKEN": .secret("cloud")])
        try await farm.run { coordinator in
            let secrets = try coordinator.leading().secrets
            _ = try await secrets.put(
                "cloud", SecretForm(value: Secret("hunter22"), environments: ["lab"], isNew: true),
                by: "anna")
            await #expect(throws: Refusal.self) { _ = try await farm.submit(coordinator) }
            let changed = try await secrets.put(
                "cloud", SecretForm(guestOSes: ["deb*"]), by: "anna")
            #expect(changed.environments == ["lab"])
            _ = try await secrets.put(
                "cloud", SecretForm(environments: ["lab", "prod"]), by: "anna")
            #expect(
                try await farm.store.secret(named: "cloud")?.environments == ["lab", "prod"])
            _ = try await farm.submit(coordinator)
        }
    }
}
