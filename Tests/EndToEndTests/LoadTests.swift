import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// Load far beyond normal use: memory stays within a bound, and the rest of the farm works. The
/// tests assert memory and results, never time.
@Suite struct LoadTests {
    private static let mebibyte: Int64 = 1 << 20

    /// A second build starts and ends while the first continues: the first delays no other.
    private func expectOthersPass(_ farm: Farm) async throws {
        let small = try await farm.api.end(of: try await farm.api.submit("small"))
        try #require(small.state == "passed", "\(small)")
    }

    /// Sixty times the limit. A gigabyte would take minutes in a debug build and need no more
    /// memory.
    @Test("A log sixty times its limit costs no memory and keeps both ends")
    func hugeLogIsBounded() async throws {
        try await withFarm { farm in
            try await farm.script("small", Scripts.image())
            try await farm.script(
                "loud",
                """
                echo the very beginning
                yes 'a line of output that says nothing, as builds like to print them' \
                    | head -c 60000000
                echo; echo the very end
                \(Scripts.gate(farm, "on")); \(Scripts.image())
                """, yaml: "limits: {log: 1MiB}")
            let loud = try await farm.api.submit("loud")
            try await farm.api.logs(loud, "the log is nearly at its limit of 1048576 bytes")
            try await expectOthersPass(farm)
            let supervisor = try #require(
                ProcessTable.withVariable("AIBUILD_STATE") { $0 == farm.hosts[0].stateFolder }
                    .map(\.pid).first { pid in
                        let words = try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 16)
                        return String(decoding: words ?? [], as: UTF8.self).contains("supervise")
                    })
            // The script has printed everything and waits at its gate.
            try await eventually("it is printed", seconds: 120) {
                farm.buildProcesses().allSatisfy { pid in
                    let name = (try? Files.read("/proc/\(pid)/comm", limitBytes: 64)) ?? []
                    return !["yes\n", "head\n"].contains(String(decoding: name, as: UTF8.self))
                }
            }
            #expect(try ProcessMemory.peakBytes(supervisor) < 64 * Self.mebibyte)
            try farm.open("on")
            let passed = try await farm.api.end(of: loud)
            try #require(passed.state == "passed", "\(passed)")
            let log = try await farm.api.log(loud)
            #expect(log.count <= 1 << 20)
            #expect(passed.attempts?.last?.logSHA256 == SHA256.hex(log))
            let text = String(decoding: log, as: UTF8.self)
            #expect(text.contains("the very beginning") && text.contains("the very end"))
            let gap = try #require(text.split(separator: "\n").last { $0.contains("dropped here") })
            #expect(gap.contains("log lines (") && gap.contains("\"s\":\"sys\""))
            let agent = try #require(farm.hosts[0].daemon)
            #expect(try ProcessMemory.peakBytes(agent.pid) < 64 * Self.mebibyte)
        }
    }

    /// A thousand followers that do not read, and one that does.
    @Test("A thousand followers that do not read delay no other")
    func thousandFollowers() async throws {
        try await withFarm { farm in
            try await farm.script("small", Scripts.image())
            try await farm.script(
                "debian",
                "echo begun; \(Scripts.gate(farm, "on")); yes 'a line of output' | "
                    + "head -c 2000000; : >\(farm.shared)/printed; \(Scripts.gate(farm, "off"))\n"
                    + Scripts.image())
            let build = try await farm.api.submit("debian")
            try await farm.api.logs(build, "begun")
            let path = "/api/v1/builds/\(build.id)/events"
            let silent = try SilentClients(
                1000, port: farm.port, path: path, token: farm.token)
            try await eventually("all follow", seconds: 60) { silent.answered == 1000 }
            let reader = FarmFollower()
            let api = farm.api
            let reading = Task {
                try await api.follow(path) { event in
                    reader.take(event)
                    return !reader.hasEnded
                }
            }
            try farm.open("on")
            try await eventually("it is printed") { Files.exists("\(farm.shared)/printed") }
            try await expectOthersPass(farm)
            try farm.open("off")
            #expect(try await farm.api.end(of: build).state == "passed")
            try await reading.value
            #expect(reader.log == (try await farm.api.log(build)), "the one who reads has it all")
            #expect(silent.answered == 1000, "none was disconnected")
            let pid = try #require(farm.coordinator?.pid)
            #expect(try ProcessMemory.peakBytes(pid) < 512 * Self.mebibyte)
            #expect(try ProcessMemory.isKeptFromDumping(pid))
        }
    }

    /// An agent that sends without end: phases, log of no build, more log than a build may have,
    /// and then lines that are not messages.
    @Test("A flooding agent is cut off, and its build passes on another host")
    func floodingAgentIsCutOff() async throws {
        var setup = Farm.Setup()
        setup.hosts = 2
        setup.gateScript = """
            case "$0 $SSH_ORIGINAL_COMMAND" in
            *kvm1-gate.sh*attach) exec python3 "${2%/*}/flood.py";;
            *) exec "$1" gate --config "$2";;
            esac
            """
        setup.registersHosts = false
        try await withFarm(setup) { farm in
            try Files.replace("\(farm.folder)/flood.py", with: Flood.script.utf8)
            try await farm.script("small", Scripts.image())
            try await farm.script(
                "flooded", Scripts.image(), yaml: "limits: {log: 1MiB}")
            try await farm.register(farm.hosts[1])
            _ = try await farm.api.host("kvm1", is: "ready")
            let flooded = try await farm.api.submit("flooded")
            // Its log is truncated, and the build is retried on the other host once that is
            // available.
            try await eventually("the flood is refused", seconds: 60) {
                try await farm.api.build(flooded.id).attempts?.contains {
                    $0.summary == "kvm1 host.error"
                        && $0.outcome?.fault?.reason.contains("sends more log than") == true
                } == true
            }
            try await farm.register(farm.hosts[0])
            try await expectOthersPass(farm)
            #expect(try await farm.api.end(of: flooded).state == "passed")
            try await eventually("it sent lines that are none") {
                farm.coordinator?.log.contains("session with kvm1") == true
            }
            let token = try #require(
                try await farm.api.build(flooded.id).attempts?.first { $0.host == "kvm1" }?.attempt)
            let log = Files.sizeBytes("\(farm.stateFolder)/logs/\(token.prefix(2))/\(token).ndjson")
            if let log { #expect(log < 2 * Self.mebibyte) }
            let pid = try #require(farm.coordinator?.pid)
            #expect(try ProcessMemory.peakBytes(pid) < 256 * Self.mebibyte)
        }
    }

    /// A full queue: further builds are refused, lists stay paged, and builds still run.
    @Test("A queue of a hundred thousand builds is served in bounded memory")
    func hugeQueueIsServed() async throws {
        let setup = Farm.Setup {
            $0.registersHosts = false
            $0.queuedBuilds = 100_000
        }
        try await withFarm(setup) { farm in
            try await farm.script("debian", Scripts.image())
            let first = try await farm.api.submit("debian")
            try await farm.stopCoordinator()
            let database = try await SQLDatabase.open(
                .sqlite(path: farm.stateFolder + "/aibuild.sqlite"))
            try await database.execute(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
                INSERT INTO builds (id, guestos_id, guestos, number, state, live, priority, owner,
                    plan, update_contents, submitted_ms, not_before_ms, attempt_count,
                    cancel_requested)
                SELECT 'b' || i, guestos_id, guestos, number + i, state, live, i % 3,
                    'team' || (i % 10), plan, '', submitted_ms + i, 0, 0, 0
                FROM builds, n WHERE id = ?
                """, [.text(first.id)])
            try await database.execute("UPDATE guestos SET last_number = 100000")
            await database.close()
            try await farm.startCoordinator(withinSeconds: 120)

            let refused = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            #expect(refused.status == 409)
            #expect(
                try farm.api.problem(refused).detail
                    == "the queue is full: 100000 builds are queued or running")
            for path in ["queue", "builds"] {
                let answer = try await farm.api.get("/api/v1/\(path)?limit=500")
                #expect(answer.status == 200)
                #expect(answer.body.count < 2 << 20, "\(path)")
                #expect(try await farm.api.get("/api/v1/\(path)?limit=501").status == 400)
            }
            // Room for one, which has the highest priority.
            #expect(try await farm.api.cancel(first).state == "cancelled")
            let urgent = try await farm.api.submit("debian", priority: 100)
            #expect(try await farm.api.build(urgent.id).waiting?.position == 1)
            try await farm.register(farm.hosts[0])
            let passed = try await farm.api.end(of: urgent)
            try #require(passed.state == "passed", "\(passed)")
            let pid = try #require(farm.coordinator?.pid)
            #expect(try ProcessMemory.peakBytes(pid) < 1024 * Self.mebibyte)
        }
    }
}

/// An agent that follows the protocol but sends too much.
private enum Flood {
    static let script = #"""
        import json, sys, threading
        def say(message):
            sys.stdout.write(json.dumps(message, ensure_ascii=False) + "\n")
        print("AIBUILD-AGENT-PROTOCOL", flush=True)
        sys.stdin.readline()
        host = dict(accelerators=["tcg"], baseImages=[], diskFreeBytes=1 << 40,
            diskTotalBytes=1 << 40, memoryBytes=1 << 36, notices=[], slots=4, tags=[],
            unixMilliseconds=0, vcpus=16)
        say(dict(type="hello", agentVersion="0.1.0", attempts=[], host=host,
            templates=[], version=dict(major=1, minor=0)))
        sys.stdout.flush()
        line = json.dumps(dict(t=1, s="out", m="x" * 1000)) + "\n"
        data = line * 200
        stranger = "f" * 32
        for text in sys.stdin:
            order = json.loads(text)
            if order["type"] == "start":
                attempt = order["attempt"]
                say(dict(type="phase", attempt=attempt, state="building"))
                for number in range(2000):
                    say(dict(type="phase", attempt=attempt, state="building",
                        detail="phase %d " % number + "x" * 5000))
                for number in range(20):
                    say(dict(type="log", attempt=stranger, cursor=0, data=data))
                for number in range(100):
                    say(dict(type="log", attempt=attempt, cursor=number * len(data), data=data))
                for number in range(100):
                    say(dict(type="host", **host))
                sys.stdout.write("no JSON" * 500000)
                sys.stdout.flush()
            elif order["type"] == "follow": pass
        """#
}
