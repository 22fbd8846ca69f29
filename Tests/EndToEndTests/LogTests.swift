import BuildProtocol
import FoundationEssentials
import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// A build's log, from the host's disk to a browser.
@Suite struct LogTests {
    @Test("A follower that reconnects resumes at the same byte")
    func followerResumesAtByte() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                """
                seq 1 2000 | sed 's/^/first /'; echo one-done
                \(Scripts.gate(farm, "two"))
                seq 1 2000 | sed 's/^/second /'; echo two-done
                \(Scripts.gate(farm, "three"))
                echo "third \u{1F600}"; \(Scripts.image())
                """)
            let build = try await farm.api.submit("debian")
            let path = "/api/v1/builds/\(build.id)/events"
            let follower = FarmFollower()
            func follow(until text: String) async throws {
                try await farm.api.follow(path, lastEventID: follower.position) { event in
                    follower.take(event)
                    return !event.data.contains(text) && !follower.hasEnded
                }
            }
            try await follow(until: "one-done")
            try farm.open("two")
            try await follow(until: "two-done")
            let running = try await farm.api.build(build.id)
            let onHost = try farm.hosts[0].log(try #require(running.attempt))
            try farm.open("three")
            try await follow(until: "never")
            #expect(follower.hasEnded)

            let ended = try await farm.api.build(build.id)
            try #require(ended.state == "passed", "\(ended)")
            let log = try await farm.api.log(build)
            #expect(follower.log == log, "\(follower.log.count) and \(log.count) bytes")
            #expect(log.starts(with: onHost), "as it stood on the host's disk")
            #expect(ended.attempts?.last?.logSHA256 == SHA256.hex(log), "as the agent hashed it")
            #expect(follower.states.contains { $0.contains(#""state":"building""#) })
            #expect(follower.states.contains { $0.contains(#""state":"passed""#) })
        }
    }

    @Test("A follower of an ended build gets the whole log and the end of the stream")
    func endedBuildStreamsWholeLog() async throws {
        try await withFarm { farm in
            try await farm.script("debian", "echo hello; \(Scripts.image())")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            let follower = FarmFollower()
            try await farm.api.follow("/api/v1/builds/\(build.id)/events") { event in
                follower.take(event)
                return true
            }
            #expect(follower.hasEnded, "the server ends the stream")
            #expect(follower.log == (try await farm.api.log(build)))
        }
    }

    @Test("Binary, huge and unterminated output reaches the log")
    func anyOutputIsLogged() async throws {
        try await withFarm { farm in
            try await farm.script(
                "debian",
                #"""
                printf 'latin caf\351 and \000 and \033[31mred\033[0m\n'
                head -c 3000000 /dev/zero | tr '\0' x; echo
                printf 'a\rb\r\n'; printf '"quoted" \\ back\n'
                printf 'no newline at the end'
                """# + "\n" + Scripts.image())
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            try #require(build.state == "passed", "\(build)")
            let lines = try await farm.api.log(build).split(separator: 0x0A)
            let records = try lines.map { try JSONDecoder().decode(LogRecord.self, from: Data($0)) }
            let out = records.filter { $0.s == .out }
            #expect(out.contains { $0.m == "latin caf\\xe9 and \0 and \u{1B}[31mred\u{1B}[0m" })
            #expect(out.contains { $0.m == #""quoted" \ back"# })
            #expect(out.contains { $0.m == "no newline at the end" })
            #expect(
                out.map { $0.m.utf8.count { $0 == UInt8(ascii: "x") } }.reduce(0, +) >= 3_000_000)
            #expect(out.allSatisfy { $0.m.utf8.count <= ProtocolLimits.logRecordTextBytes })
        }
    }

    @Test("Ranges of a log are served, and no other file")
    func logRangesAreServed() async throws {
        try await withFarm { farm in
            try await farm.script("debian", "echo hello; \(Scripts.image())")
            let build = try await farm.api.end(of: try await farm.api.submit("debian"))
            let log = try await farm.api.log(build)
            let part = try await farm.api.get(
                "/api/v1/builds/debian:1/log", headers: ["Range": "bytes=5-14"])
            #expect(part.status == 206)
            #expect(part.body == Array(log[5...14]))
            let other = try await farm.api.get(
                "/api/v1/builds/debian:1/log?attempt=../../coordinator.yml")
            #expect(other.status == 404)
        }
    }

    @Test("Ctrl-C while a build is followed says that it goes on, and how to stop it")
    func interruptedFollower() async throws {
        try await withFarm { farm in
            let build = try await farm.gatedBuild()
            let follower = try FarmProgram(
                "aibuild", ["logs", "-f", "debian:1"], logPath: farm.folder + "/follower",
                environment: ["AIBUILD_URL": farm.api.base])
            try await eventually("the log is shown") { follower.log.contains("begun") }
            follower.signal(SIGINT)
            #expect(try await follower.exit() == .exited(130))
            #expect(
                follower.log.contains(
                    "The build goes on. Follow it again: aibuild logs -f debian:1. Stop it: "
                        + "aibuild cancel debian:1"), "\(follower.log)")
            try farm.open("on")
            _ = try await farm.expectWhole(build, at: farm.api)
        }
    }
}
