import HTTPClientKit
import HTTPTypes
import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// SIGKILL to each component during a build: the build continues, nothing is lost, and nothing is
/// done twice.
@Suite struct CrashTests {
    private func expectWhole(_ farm: Farm, _ build: FarmBuild) async throws {
        let passed = try await farm.expectWhole(build, at: farm.api)
        try await eventually("the agent has forgotten it") { farm.hosts[0].attempts.isEmpty }
        guard farm.setup.database == nil else { return }
        try await farm.stopCoordinator()
        let database = try await SQLDatabase.open(
            .sqlite(path: farm.stateFolder + "/aibuild.sqlite"))
        let rows = try await database.query("SELECT get_url FROM build_log")
        #expect(try rows.map { try $0.text("get_url") } == [passed.image?.url], "published once")
        await database.close()
    }

    @Test("A build that ends while the coordinator is dead is published once")
    func coordinatorKilled() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.coordinator?.kill()
            try farm.open("on")
            try await eventually("it ends while nobody looks") {
                farm.buildProcesses().isEmpty
            }
            try await farm.startCoordinator(keepingPort: true)
            try await expectWhole(farm, build)
        }
    }

    @Test("A build survives three kills of the coordinator")
    func coordinatorKilledRepeatedly() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            for _ in 0..<3 {
                farm.coordinator?.kill()
                try await farm.startCoordinator(keepingPort: true)
                _ = try await farm.api.host("kvm0", is: "ready")
            }
            try farm.open("on")
            try await expectWhole(farm, build)
        }
    }

    @Test("A pull goes on after the coordinator was killed")
    func coordinatorKilledDuringPull() async throws {
        try await withFarm { farm in
            try await farm.script("debian", Scripts.image(300_000_000))
            let build = try await farm.api.submit("debian")
            _ = try await farm.api.wait(build, for: "pulled") {
                ["collecting", "publishing"].contains($0.state)
            }
            farm.coordinator?.kill()
            try await farm.startCoordinator(keepingPort: true)
            let passed = try await farm.api.end(of: build)
            #expect(passed.state == "passed", "\(passed)")
            #expect(passed.attempts?.map(\.summary) == ["kvm0 passed"])
            let image = try #require(passed.image)
            #expect(try SHA256.file("\(farm.webRoot)/\(image.path)") == image.sha256)
            #expect(
                try Files.list("\(farm.webRoot)/images/build") == ["debian"], "no .part is left")
        }
    }

    @Test("A build that ends while the agent is dead is published once")
    func agentKilled() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.hosts[0].killDaemon()
            _ = try await farm.api.host("kvm0", is: "unreachable")
            try farm.open("on")
            try await eventually("it ends while nobody looks") {
                farm.buildProcesses().isEmpty
            }
            try farm.hosts[0].startDaemon()
            try await expectWhole(farm, build)
        }
    }

    @Test("A build survives a restart of the agent")
    func agentRestarted() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.hosts[0].killDaemon()
            try farm.hosts[0].startDaemon()
            _ = try await farm.api.host("kvm0", is: "ready")
            try farm.open("on")
            try await expectWhole(farm, build)
        }
    }

    @Test("A build survives killed SSH sessions")
    func sshKilled() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.hosts[0].ssh.killSessions()
            _ = try await farm.api.host("kvm0", is: "ready")
            try farm.open("on")
            try await expectWhole(farm, build)
        }
    }

    @Test("A build survives when coordinator, agent and SSH are killed at once")
    func everythingKilled() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.coordinator?.kill()
            farm.hosts[0].killDaemon()
            farm.hosts[0].ssh.killSessions()
            try farm.hosts[0].startDaemon()
            try await farm.startCoordinator(keepingPort: true)
            try farm.open("on")
            try await expectWhole(farm, build)
        }
    }

    @Test("A build survives a crash of the database")
    func databaseKilled() async throws {
        let server = try await MariaDBServer.start()
        var setup = Farm.Setup()
        setup.database = try await server.makeDatabase()
        try await withFarm(setup) { farm in
            let build = try await farm.gatedBuild()
            try await server.crashAndRestart()
            try farm.open("on")
            try await expectWhole(farm, build)
            #expect(try await farm.api.get("/readyz").status == 200)
        }
    }

    /// A cancel request that could not reach the host while it was unreachable.
    @Test("A build cancelled while its agent was dead is killed when the agent returns")
    func cancelReachesReturnedAgent() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            farm.hosts[0].killDaemon()
            _ = try await farm.api.host("kvm0", is: "unreachable")
            _ = try await farm.api.cancel(build)
            #expect(try await farm.api.end(of: build).state == "cancelled")
            #expect(!farm.buildProcesses().isEmpty, "nobody could tell it")
            try farm.hosts[0].startDaemon()
            try await eventually("it is killed") {
                farm.buildProcesses().isEmpty && farm.hosts[0].attempts.isEmpty
            }
        }
    }
}
