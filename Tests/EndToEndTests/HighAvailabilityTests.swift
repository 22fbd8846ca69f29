import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// Several coordinators on one database: one leads, and builds continue whatever happens to it.
@Suite(.timeLimit(.minutes(5))) struct HighAvailabilityTests {
    private func setup() async throws -> Farm.Setup {
        var setup = Farm.Setup()
        setup.database = try await MariaDBServer.shared().makeDatabase()
        return setup
    }

    @Test("A standby serves reads and redirects the rest to the leader")
    func standbyServesReads() async throws {
        try await withFarm(try await setup()) { farm in
            let second = try await StandbyCoordinator("second", of: farm)
            let leader = try await second.api.leader()
            #expect(!leader.isLeading && leader.url == farm.api.base)
            #expect(try await farm.api.leader().isLeading)

            try await farm.script("debian", Scripts.image())
            let build = try await farm.api.submit("debian")
            _ = try await farm.api.end(of: build)
            #expect(try await second.api.build(build.id).state == "passed")
            #expect(try await second.api.log(build) == (try await farm.api.log(build)))

            let refused = try await second.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            #expect(refused.status == 307)
            #expect(refused.headers["Location"] == farm.api.base + "/api/v1/builds")
            let hosts = try await second.api.get("/api/v1/hosts?limit=5")
            #expect(hosts.headers["Location"] == farm.api.base + "/api/v1/hosts?limit=5")
        }
    }

    @Test("A standby takes over from a killed leader, which returns as a standby")
    func killedLeaderIsReplaced() async throws {
        try await withFarm(try await setup()) { farm in
            let second = try await StandbyCoordinator("second", of: farm)
            let build = try await farm.gatedBuild()
            farm.coordinator?.kill()
            try await second.leads()
            try farm.open("on")
            _ = try await farm.expectWhole(build, at: second.api)
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await !farm.api.leader().isLeading, "it comes back as a standby")
        }
    }

    /// When it resumes, it does not know that it was deposed.
    @Test("A frozen leader steps down when it resumes, in the same process")
    func frozenLeaderStepsDown() async throws {
        try await withFarm(try await setup()) { farm in
            let second = try await StandbyCoordinator("second", of: farm)
            let build = try await farm.gatedBuild()
            let old = try #require(farm.coordinator)
            old.signal(SIGSTOP)
            try await second.leads()
            old.signal(SIGCONT)
            try await eventually("the old leader stands by: \(old.log.suffix(2000))") {
                try await farm.api.leader().url == second.api.base
            }
            #expect(old.status == nil, "the same process")
            #expect(try await second.api.leader().isLeading)
            try farm.open("on")
            _ = try await farm.expectWhole(build, at: second.api)
        }
    }

    @Test("A standby takes over from a leader that stops in order")
    func stoppedLeaderIsReplaced() async throws {
        try await withFarm(try await setup()) { farm in
            let second = try await StandbyCoordinator("second", of: farm)
            let build = try await farm.gatedBuild()
            try await farm.stopCoordinator()
            try await second.leads()
            try farm.open("on")
            _ = try await farm.expectWhole(build, at: second.api)
        }
    }

    /// A real cluster of three nodes: the leader's node is killed during a build, then the leader
    /// itself.
    @Test("A build survives the loss of a Galera node and of the leader")
    func killedClusterNodeAndLeader() async throws {
        let cluster = try await GaleraCluster()
        try await withFarm(.init { $0.database = cluster.endpoint(first: 0) }) { farm in
            let second = try await StandbyCoordinator(
                "second", of: farm, database: cluster.endpoint(first: 1))
            let third = try await StandbyCoordinator(
                "third", of: farm, database: cluster.endpoint(first: 2))
            let build = try await farm.gatedBuild()
            try cluster.kill(0)
            farm.coordinator?.kill()
            try await eventually("one of the others leads", seconds: 120) {
                let standings = [try await second.api.leader(), try await third.api.leader()]
                return standings.count(where: \.isLeading) == 1
            }
            let leader = try await second.api.leader().isLeading ? second : third
            try farm.open("on")
            _ = try await farm.expectWhole(build, at: leader.api)
        }
    }
}
