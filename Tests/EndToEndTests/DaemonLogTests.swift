import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import TestSupport
import Testing

/// The logs of the coordinator and of the agents.
@Suite("Daemon logs", .timeLimit(.minutes(5))) struct DaemonLogTests {
    private func lines(_ log: String) -> [String] {
        log.split(separator: "\n").map(String.init)
    }

    /// What `grep build=ID` finds.
    private func grep(_ build: FarmBuild, _ log: String) -> [String] {
        lines(log).filter { $0.contains(" build=\(build.id) ") }
    }

    @Test("One grep finds what a build did, at the coordinator and at its host")
    func oneBuild() async throws {
        try await withFarm { farm in
            try await farm.script("debian", Scripts.image())
            try await farm.script("broken", "exit 1")
            let other = try await farm.api.end(of: try await farm.api.submit("broken"))
            let answer = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            let request = try #require(answer.headers["X-Request-ID"])
            let submitted = try FarmClient.decode(FarmBuild.self, answer)
            let build = try await farm.api.end(of: submitted)
            try #require(build.state == "passed", "\(build)")
            let attempt = try #require(build.attempts?.first?.attempt)

            let log = farm.coordinator?.log ?? ""
            let found = grep(build, log)
            for (words, keys) in [
                ("debian:1 is queued", "request=\(request) "),
                ("debian:1 starts on kvm0", "attempt=\(attempt) host=kvm0 "),
                ("debian:1 passed", "attempt=\(attempt) host=kvm0 "),
            ] {
                #expect(
                    found.contains { $0.contains(words) && $0.contains(keys) },
                    "\(words): \(found)")
            }
            #expect(!found.contains { $0.contains("broken") || $0.contains(other.id) })
            // Nothing of the build is said without its ID.
            #expect(lines(log).filter { $0.contains("debian:1") } == found)

            let agent = try await eventually("the agent says that it has ended") {
                let agent = grep(build, farm.hosts[0].agentLog)
                return agent.count == 2 ? agent : nil
            }
            #expect(agent.allSatisfy { $0.contains(" attempt=\(attempt) ") }, "\(agent)")
            #expect(agent[0].contains("begins") && agent[1].contains("ended"), "\(agent)")
            for line in lines(log) {
                #expect(line.hasPrefix("level=") && line.contains(" time=20"), "\(line)")
            }
        }
    }

    @Test("As JSON, every line is an object with the same keys")
    func json() async throws {
        let setup = Farm.Setup {
            $0.coordinatorLines = ["log_format: json"]
            $0.agentLines += ["log_format: json"]
        }
        try await withFarm(setup) { farm in
            try await farm.script("debian", Scripts.image())
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(build.state == "passed", "\(build)")
            for log in [farm.coordinator?.log ?? "", farm.hosts[0].agentLog] {
                let objects = try lines(log).map { line in
                    try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
                }
                #expect(objects.allSatisfy { $0["level"] != nil && $0["msg"] != nil })
                #expect(objects.contains { $0["build"] == build.id }, "\(log)")
            }
        }
    }

    @Test("What strangers send begins no line of the log")
    func injection() async throws {
        try await withFarm(.withoutHosts) { farm in
            let forged = "x\nlevel=error component=builds msg=forged"
            // A name in a sign-in, and one in an error of a client's making.
            _ = try await farm.api.send(
                "POST", "/api/v1/sign-in",
                json: #"{"name":\#(FarmClient.quoted(forged)),"password":"correct horse"}"#)
            let log = try await eventually("it is logged") {
                let log = farm.coordinator?.log ?? ""
                return log.contains("forged") ? log : nil
            }
            #expect(lines(log).allSatisfy { $0.hasPrefix("level=") })
            #expect(!lines(log).contains { $0.hasSuffix("msg=forged") }, "\(log)")
        }
    }
}
