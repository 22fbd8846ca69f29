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

    private func expectSurvival(
        _ setup: Farm.Setup = Farm.Setup(), of crash: (Farm) async throws -> Void
    ) async throws {
        try await withFarm(setup) { farm in
            let build = try await farm.gatedBuild()
            try await crash(farm)
            try farm.open("on")
            try await expectWhole(farm, build)
        }
    }

    private func endBuilds(_ farm: Farm) async throws {
        try farm.open("on")
        try await eventually("the build ends") { farm.buildProcesses().isEmpty }
    }

    @Test("A build that ends while the coordinator is dead is published once")
    func coordinatorKilled() async throws {
        try await expectSurvival { farm in
            farm.coordinator?.kill()
            try await endBuilds(farm)
            try await farm.startCoordinator(keepingPort: true)
        }
    }

    @Test("A build survives three kills of the coordinator")
    func coordinatorKilledRepeatedly() async throws {
        try await expectSurvival { farm in
            for _ in 0..<3 {
                farm.coordinator?.kill()
                try await farm.startCoordinator(keepingPort: true)
                _ = try await farm.api.host("kvm0", is: "ready")
            }
        }
    }

    @Test("A pull continues after the coordinator was killed")
    func coordinatorKilledDuringPull() async throws {
        try await withFarm { farm in
            let build = try await farm.pulledBuild()
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
        try await expectSurvival { farm in
            farm.hosts[0].killDaemon()
            _ = try await farm.api.host("kvm0", is: "unreachable")
            try await endBuilds(farm)
            try farm.hosts[0].startDaemon()
        }
    }

    @Test("A build survives a restart of the agent")
    func agentRestarted() async throws {
        try await expectSurvival { farm in
            farm.hosts[0].killDaemon()
            try farm.hosts[0].startDaemon()
            _ = try await farm.api.host("kvm0", is: "ready")
        }
    }

    @Test("A build survives killed SSH sessions")
    func sshKilled() async throws {
        try await expectSurvival { farm in
            farm.hosts[0].ssh.killSessions()
            _ = try await farm.api.host("kvm0", is: "ready")
        }
    }

    @Test("A build survives when coordinator, agent and SSH are killed at once")
    func everythingKilled() async throws {
        try await expectSurvival { farm in
            farm.coordinator?.kill()
            farm.hosts[0].killDaemon()
            farm.hosts[0].ssh.killSessions()
            try farm.hosts[0].startDaemon()
            try await farm.startCoordinator(keepingPort: true)
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
            #expect(!farm.buildProcesses().isEmpty, "the host has not heard of it")
            try farm.hosts[0].startDaemon()
            try await eventually("it is killed") {
                farm.buildProcesses().isEmpty && farm.hosts[0].attempts.isEmpty
            }
        }
    }
}
