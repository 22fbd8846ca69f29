import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Restores of a backup whose keys are lost.
@Suite struct LostKeyTests {
    private func refused(_ farm: Farm, _ path: String, _ json: String) async throws -> String {
        let answer = try await farm.api.send("POST", path, json: json)
        #expect(answer.status == 409, "\(FarmClient.text(answer))")
        return try farm.api.problem(answer).detail
    }

    private func set(_ farm: Farm, _ path: String, _ json: String) async throws {
        let answer = try await farm.api.send("PUT", path, json: json)
        #expect((200..<300).contains(answer.status), "\(FarmClient.text(answer))")
    }

    private func isShown(_ farm: Farm) async throws {
        let listed = try await farm.api.get("/api/v1/secrets")
        #expect(FarmClient.text(listed).contains(#""lost":true"#))
        let places = try await farm.api.get("/api/v1/environments")
        #expect(FarmClient.text(places).contains(#""passwordLost":true"#))
        let setup = FarmClient.text(try await farm.api.get("/api/v1/setup"))
        #expect(setup.contains("The value of the secret cloud was lost"), "\(setup)")
        #expect(setup.contains("The password of the environment lab was lost"), "\(setup)")
    }

    @Test(
        "A restore without keys restores the rest, and what they sealed is refused until set anew",
        arguments: ["sqlite", "mariadb"])
    func lostKeys(engine: String) async throws {
        var setup = Farm.Setup()
        if engine == "mariadb" {
            setup.database = try await MariaDBServer.shared().makeDatabase()
        }
        try await withFarm(setup) { farm in
            let image = try #require(try await farm.imageBuilds(1).first)
            let cloud = #"{"value":"open sesame 1","guestOSes":["*"]}"#
            try await set(farm, "/api/v1/secrets/cloud", cloud)
            try await farm.addCloud("lab", keystone: "http://127.0.0.1:9/v3")
            try await farm.script(
                "needy", "[ \"$TOKEN\" = 'open sesame 1' ] && \(Scripts.image())",
                yaml: "environment: {TOKEN: {secret: cloud}}\n")
            let backup = ["backup", "\(farm.folder)/backups", "--keys", "\(farm.folder)/keys"]
            let made = try await farm.coordinatorCommand(backup)
            try #require(made.0 == .exited(0), "\(made.1)")
            let place = "\(farm.folder)/backups"
            let name = try #require(try Files.list(place).first { !$0.hasPrefix(".") })
            try await farm.stopCoordinator()
            try await farm.loseEverything()
            try Files.remove("\(farm.folder)/keys")

            let without = try await farm.coordinatorCommand(["restore", "\(place)/\(name)"])
            #expect(without.0 == .exited(1) && without.1.contains("--without-keys"), "\(without.1)")
            let (status, said) = try await farm.coordinatorCommand(
                ["restore", "\(place)/\(name)", "--without-keys"])
            try #require(status == .exited(0), "\(said)")
            for line in [
                "- secret cloud: aibuild secret change cloud --from-file FILE",
                "- environment lab: aibuild env change lab --password-file FILE",
            ] { #expect(said.split(separator: "\n").contains { $0 == line }, "\(said)") }
            #expect(Files.mode(farm.stateFolder + "/secret.key").map { $0 & 0o777 } == 0o600)

            try await farm.startCoordinator(keepingPort: true)
            _ = try await farm.api.host("kvm0", is: "ready")
            #expect(try await farm.api.build("debian:1").id == image.id)
            #expect(
                try await refused(farm, "/api/v1/builds", #"{"guestOS":"needy"}"#)
                    .contains("aibuild secret change cloud --from-file FILE"))
            let release = #"{"build":"\#(image.id)","environments":["lab"]}"#
            #expect(
                try await refused(farm, "/api/v1/releases", release)
                    .contains("aibuild env change lab --password-file FILE"))
            try await isShown(farm)

            try await set(farm, "/api/v1/secrets/cloud", cloud)
            let passed = try await farm.api.end(of: try await farm.api.submit("needy"))
            #expect(passed.state == "passed", "\(passed)")
            // Of a policy alone, the lost password is not asked.
            try await set(
                farm, "/api/v1/environments/lab", #"{"name":"lab","policy":{"images":["*"]}}"#)

            // A backup of what was restored needs the new key alone, and knows what is lost.
            let second = "\(farm.folder)/second"
            let (_, words) = try await farm.coordinatorCommand(["backup", second])
            let newest = try #require(words.split(separator: "\n").last?.split(separator: " ").last)
            try await farm.stopCoordinator()
            try await farm.loseEverything()
            let again = try await farm.coordinatorCommand(["restore", String(newest)])
            #expect(again.0 == .exited(0), "\(again.1)")
            #expect(again.1.contains("- environment lab: ") && !again.1.contains("- secret cloud"))
            try await farm.startCoordinator(keepingPort: true)
            let secret = #"{"name":"lab","secret":"swordfish 1","unchecked":true}"#
            try await set(farm, "/api/v1/environments/lab", secret)
            #expect(try await farm.release(image, to: ["lab"]).count == 1)
        }
    }
}
