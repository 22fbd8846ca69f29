import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// Builds that are stopped early.
@Suite struct StopTests {
    /// Ignores every signal that can be ignored, as do its children, one of which has its own
    /// session.
    private static let unkillable = """
        trap '' INT TERM HUP
        setsid sh -c 'trap "" INT TERM HUP; while :; do sleep 1000; done' &
        (trap '' INT TERM HUP; while :; do sleep 1000; done) &
        echo begun
        while :; do sleep 1000; done
        """

    @Test("A cancelled build leaves no process and no folder")
    func cancelEndsBuild() async throws {
        try await withFarm { farm in
            try await farm.script("debian", Self.unkillable)
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "begun")
            #expect(farm.buildProcesses().count >= 3)
            let wished = try await farm.api.cancel(build)
            #expect(wished.cancelRequested)
            let ended = try await farm.api.end(of: build)
            #expect(ended.state == "cancelled")
            #expect(ended.fault?.class == "cancelled")
            #expect(ended.fault?.reason.contains("cancelled by local") == true)
            try await eventually("no process is left") { farm.buildProcesses().isEmpty }
            try await eventually("no folder is left") { farm.hosts[0].attempts.isEmpty }
            let again = try await farm.api.send("POST", "/api/v1/builds/\(build.id)/cancel")
            #expect(again.status == 409)
            #expect(try farm.api.problem(again).detail.contains("has ended already"))
        }
    }

    @Test("A queued build is cancelled at once")
    func queuedBuildIsCancelled() async throws {
        try await withFarm(.withoutHosts) { farm in
            try await farm.script("debian", Scripts.image())
            let build = try await farm.api.submit("debian")
            #expect(try await farm.api.build(build.id).waiting?.summary == "no host is registered")
            #expect(try await farm.api.cancel(build).state == "cancelled")
        }
    }

    @Test(
        "A build that times out fails without a retry",
        arguments: [
            ("limits: {total: 2s}", "timeout.total"), ("limits: {silence: 1s}", "timeout.silence"),
        ])
    func timeoutsAreFinal(_ yaml: String, _ code: String) async throws {
        try await withFarm { farm in
            try await farm.script("debian", "echo begun; while :; do sleep 1000; done", yaml: yaml)
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "failed")
            #expect(build.fault?.code == code)
            #expect(build.attempts?.map(\.summary) == ["kvm0 \(code)"], "no retry")
            try await eventually("no process is left") { farm.buildProcesses().isEmpty }
        }
    }

    /// The silence timer is not the total timer: a build that prints continues.
    @Test("A build that prints outlives its silence limit")
    func outputResetsSilenceTimer() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                "for i in $(seq 16); do echo $i; sleep 0.4; done; \(Scripts.image())",
                yaml: "limits: {silence: 5s}")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(build.state == "passed", "\(build)")
        }
    }
}
