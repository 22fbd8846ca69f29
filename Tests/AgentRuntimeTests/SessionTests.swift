import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

/// The socket and the gate: requests, answers and refusals.
@Suite struct SessionTests {
    @Test("Hello reports the host's resources and templates")
    func helloReportsHost() async throws {
        try await withAgent(
            "qemu_system: no-such-qemu\nslots: 3\ntags: [fast, ssd]\nvcpus: 5\nmemory_bytes: 7GiB\n"
        ) { agent in
            let template = try await agent.deliver(script: "true")
            let client = try await TestClient(agent.state.socket)
            let hello = try await client.greet()
            #expect(hello.version == .current)
            #expect(hello.host.slots == 3 && hello.host.vcpus == 5)
            #expect(hello.host.memoryBytes == 7 << 30)
            #expect(hello.host.tags == ["fast", "ssd"])
            #expect(hello.host.diskFreeBytes > 0)
            #expect(hello.host.diskFreeBytes < hello.host.diskTotalBytes)
            #expect(hello.host.accelerators == [])
            #expect(hello.host.notices.contains { $0.contains("no-such-qemu") })
            #expect(hello.templates == [template.sha256])
        }
    }

    @Test("A different major protocol version is refused")
    func otherMajorVersionIsRefused() async throws {
        try await withAgent { agent in
            let client = try await TestClient(agent.state.socket)
            try await client.send(
                .hello(CoordinatorHello(version: ProtocolVersion(major: 99, minor: 0))))
            guard case .error(let error) = try await client.answer() else {
                throw Failure("no error")
            }
            #expect(error.code == .version)
            #expect(error.message.contains("upgrade the agent"))
            await #expect(throws: Failure.self) { try await client.answer() }
        }
    }

    @Test("Malformed lines are answered with errors, and the session continues")
    func malformedLinesGetErrors() async throws {
        try await withAgent { agent in
            let client = try await TestClient(agent.state.socket)
            try await client.send(raw: #"{"type":"ping","id":1}"# + "\n")
            guard case .error(let first) = try await client.answer() else {
                throw Failure("no error")
            }
            #expect(first.message.contains("hello"))
            _ = try await client.greet()
            let unknown = String(repeating: "a", count: 32)
            let cases: [(String, ErrorReport.Code)] = [
                ("no json", .malformed), ("[]", .malformed), ("{}", .malformed), ("", .malformed),
                (#"{"type":"dance"}"#, .unknownType), (#"{"type":"ping"}"#, .malformed),
                (#"{"type":"cancel","attempt":"../..","reason":"x"}"#, .malformed),
                (
                    #"{"type":"follow","attempt":"\#(unknown)","cursor":0}"#,
                    .unknownAttempt
                ),
                (
                    #"{"type":"cancel","attempt":"\#(unknown)","reason":"x"}"#,
                    .unknownAttempt
                ),
                (String(repeating: "[", count: 100_000), .malformed),
                (String(repeating: "x", count: ProtocolLimits.lineBytes + 10), .malformed),
            ]
            for (line, code) in cases {
                try await client.send(raw: line + "\n")
                guard case .error(let error) = try await client.answer() else {
                    throw Failure("no error for \(line.prefix(100))")
                }
                #expect(error.code == code, "\(line.prefix(100))")
            }
            try await client.send(raw: #"{"type":"ping","id":5,"unknown":[1]}"# + "\n")
            #expect(try await client.answer() == .pong(Ping(id: 5)))
        }
    }

    @Test("A refused start names the reason")
    func refusedStartNamesReason() async throws {
        try await withAgent("qemu_system: no-such-qemu\nslots: 1\nmemory_bytes: 1GiB\n") {
            agent, client in
            let template = try await agent.deliver(script: "sleep 1000")
            func refusal(_ start: Start) async throws -> ErrorReport {
                try await client.send(.start(start))
                guard case .error(let error) = try await client.answer() else {
                    throw Failure("not refused")
                }
                #expect(error.attempt == start.attempt)
                return error
            }
            let missing = TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1)
            #expect(try await refusal(agent.start(missing)).code == .templateMissing)
            var start = agent.start(template)
            start.requirements.memoryBytes = 2 << 30
            #expect(try await refusal(start).message.contains("memory"))
            start.requirements.memoryBytes = 1
            start.requirements.diskBytes = 1 << 50
            #expect(try await refusal(start).message.contains("disk"))
            start.requirements.diskBytes = 1
            start.build.imageName = "../x"
            #expect(try await refusal(start).code == .malformed)
            let running = agent.start(template)
            try await client.send(.start(running))
            _ = try await client.answer()
            #expect(try await refusal(agent.start(template)).message.contains("slots"))
        }
    }

    @Test("A log says that the connection was lost, and lacks nothing of the build")
    func lostConnectionIsInTheLog() async throws {
        try await withAgent(TestAgent.unisolated) { agent in
            let first = try await agent.connect()
            let go = agent.folder.path + "/go"
            let running = try await agent.begin(
                first, "echo ready; until [ -e \(go) ]; do sleep 0.05; done; seq 1 500")
            first.close()
            let second = try await agent.connect()
            try await second.follow(running.token, until: "reconnected")
            try Files.replace(go, with: [])
            let followed = try await second.follow(running.token)
            let notes = followed.texts.filter { $0.hasPrefix("the connection to the coordinator") }
            #expect(notes.count == 1)
            #expect(followed.log.contains(#""k":"reconnected""#))
            #expect(followed.texts.filter { Int($0) != nil } == (1...500).map(String.init))
        }
    }

    @Test("Two coordinators follow one log, each from its own cursor")
    func followersUseOwnCursors() async throws {
        try await withAgent { agent in
            let template = try await agent.deliver(script: "seq 1 5000")
            let first = try await agent.connect()
            let second = try await agent.connect()
            let start = agent.start(template)
            let built = try await first.build(start)
            // The second line's beginning.
            let line = try #require(built.log.utf8.firstIndex(of: 0x0A))
            let cursor =
                Int64(built.log.utf8.distance(from: built.log.utf8.startIndex, to: line)) + 1
            let rest = try await second.follow(start.attempt, from: cursor)
            #expect(Array(rest.log.utf8) == Array(built.log.utf8.dropFirst(Int(cursor))))
            let end = try await second.follow(start.attempt, from: built.finished.logBytes)
            #expect(end.log.isEmpty && end.finished == built.finished)
            // A client whose copy is of another log learns so from the digest.
            for bad in [cursor + 1, -1] {
                // As text: a coordinator of this version sends no cursor that is out of range.
                try await second.send(
                    raw: #"{"attempt":"\#(start.attempt)","cursor":\#(bad),"type":"follow"}"# + "\n"
                )
                guard case .error(let error) = try await second.answer() else {
                    throw Failure("the cursor \(bad) was taken")
                }
                #expect(error.code == .malformed && error.attempt == start.attempt)
                #expect(try await second.answer() == .finished(built.finished))
            }
            let beyond = built.finished.logBytes + 1
            try await second.send(.follow(Follow(attempt: start.attempt, cursor: beyond)))
            #expect(try await second.answer() == .finished(built.finished))
        }
    }

    /// A coordinator that does not read must not make the agent hold the log in memory.
    @Test("A coordinator that does not read costs the agent no memory")
    func slowReaderIsNotBuffered() async throws {
        try await withAgent { agent, slow in
            let template = try await agent.deliver(
                script: "head -c 100000000 /dev/zero | tr '\\0' z | fold -w 1000")
            let start = agent.start(template)
            try await slow.send(.start(start))
            try await slow.send(.follow(Follow(attempt: start.attempt, cursor: 0)))
            let quick = try await agent.connect()
            let built = try await quick.follow(start.attempt)
            #expect(built.finished.logBytes > 100_000_000)
            #expect(try ProcessMemory.peakBytes(agent.daemonPID) < 100 << 20)
            #expect(try ProcessMemory.isKeptFromDumping(agent.daemonPID))
            slow.close()
        }
    }

    /// As when a daemon is killed while it starts a program: the child holds the lock until exec.
    @Test("A starting daemon waits for a lock that is about to be released")
    func daemonWaitsForLock() async throws {
        let agent = try TestAgent()
        try Files.makeFolder(agent.state.root)
        let holder = try ChildProcess(
            Command(
                ["flock", agent.state.lock, "sleep", "1000"],
                environment: Command.minimalEnvironment))
        try await eventually("the lock is held") { FileLock.isHeld(agent.state.lock) }
        let (group, configuration) = (holder.pid, agent.configurationFile)
        let release = Task {
            try await eventually("the daemon waits") {
                ProcessTable.all().contains { entry in
                    let path = "/proc/\(entry.pid)/cmdline"
                    let words = (try? Files.read(path, limitBytes: 1 << 16)) ?? []
                    return words.firstRange(of: Array(configuration.utf8)) != nil
                }
            }
            kill(-group, SIGKILL)
        }
        try await agent.serve { try await release.value }
    }

    @Test("A second daemon on one state folder is refused")
    func secondDaemonIsRefused() async throws {
        try await withAgent { agent in
            let second = try await agent.run(["daemon", "--config", agent.configurationFile])
            #expect(second.status == .exited(69))
            #expect(second.stderrText.contains("(process \(agent.daemonPID))"))
            #expect(second.stderrText.contains("state_folder"))
        }
    }

    @Test("The socket is accessible to its owner only")
    func socketIsPrivate() async throws {
        try await withAgent { agent in
            var info = stat()
            #expect(stat(agent.state.socket, &info) == 0)
            #expect(info.st_mode & 0o777 == 0o600)
        }
    }

    // MARK: The gate

    private let magic = ProtocolVersion.magicLine + "\n"

    @Test(
        "The gate runs no other command",
        arguments: ["bash", "cat /etc/passwd", "attach; id", "scp -t /", ""])
    func gateRunsNothingElse(command: String) async throws {
        let agent = try TestAgent()
        let output = try await agent.gate(command)
        #expect(output.status == .exited(64))
        #expect(output.stdoutText.hasPrefix(magic + #"{"code":"#))
        #expect(output.stdoutText.contains("aibuild coordinator only"))
    }

    @Test(
        "Help is help, of the program and of each of its commands",
        arguments: [
            ["--help"], ["-h"], ["help"], ["daemon", "--help"], ["daemon", "-h"], ["help", "gate"],
            ["gate", "--help"], ["supervise", "--help"], ["test", "--help"],
            ["release-group", "--help"], ["version", "--help"],
        ])
    func help(arguments: [String]) async throws {
        let output = try await TestAgent().run(arguments)
        #expect(output.status == .exited(0))
        let command = arguments.first { !["--help", "-h", "help"].contains($0) } ?? ""
        #expect(output.stdoutText.hasPrefix("aibuild-agent"), "\(output.stdoutText)")
        #expect(output.stdoutText.contains("usage: aibuild-agent \(command)"))
    }

    @Test("The gate reports that no daemon runs and how to start it")
    func gateReportsMissingDaemon() async throws {
        let agent = try TestAgent()
        let output = try await agent.gate("attach")
        #expect(output.status == .exited(69))
        #expect(output.stdoutText.hasPrefix(magic))
        #expect(output.stdoutText.contains(#""code":"noDaemon""#))
        #expect(output.stdoutText.contains("systemctl start aibuild-agent"))
    }

    @Test("Attach connects stdio to the daemon's socket")
    func attachConnectsToSocket() async throws {
        try await withAgent { agent in
            let hello = try LineCodec.encode(CoordinatorMessage.hello(CoordinatorHello()))
            let ping = try LineCodec.encode(CoordinatorMessage.ping(Ping(id: 3)))
            let output = try await agent.gate("aibuild-agent gate attach", stdin: hello + ping)
            #expect(output.status == .exited(0))
            let lines = output.stdoutText.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines.first ?? "" == ProtocolVersion.magicLine)
            #expect(lines.last ?? "" == #"{"id":3,"type":"pong"}"#)
        }
    }

    @Test("A received template is stored only if size and digest match")
    func receivedTemplateIsVerified() async throws {
        let agent = try TestAgent()
        let archive = [UInt8](repeating: 1, count: 3_000_000)
        let digest = SHA256.hex(archive)
        let wrong = String(repeating: "b", count: 64)
        let bad = try await agent.gate("receive \(wrong) \(archive.count)", stdin: archive)
        #expect(bad.status == .exited(64))
        #expect(bad.stdoutText.contains(digest) && bad.stdoutText.contains(wrong))
        let short = try await agent.gate("receive \(digest) \(archive.count + 1)", stdin: archive)
        #expect(short.status == .exited(74))
        #expect(try Files.list(agent.state.templates) == [])
        for _ in 0..<2 { _ = try await agent.deliver(archive) }
        #expect(try Files.list(agent.state.templates) == ["\(digest).tar"])
    }

    @Test("Send serves ranges of artifacts and nothing else")
    func sendServesArtifactsOnly() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: "seq 1 300000 > \"$AIBUILD_OUTPUT/ä b.raw\"; echo")
            let start = agent.start(template)
            let artifact = try #require(try await client.build(start).finished.artifacts.first)
            let name = Hex.encode(artifact.name.utf8)
            let size = artifact.sizeBytes
            let whole = try await agent.gate("send \(start.attempt) \(name) 0 \(size)")
            let head = Array((magic + "{\"sizeBytes\":\(size)}\n").utf8)
            #expect(whole.stdout.starts(with: head))
            #expect(SHA256.hex(whole.stdout.dropFirst(head.count)) == artifact.sha256)
            let part = try await agent.gate("send \(start.attempt) \(name) 100 50")
            let bytes = Array(whole.stdout.dropFirst(head.count))
            #expect(part.stdout == Array((magic + "{\"sizeBytes\":50}\n").utf8) + bytes[100..<150])

            let log = Hex.encode("log.ndjson".utf8)
            let unknown = String(repeating: "0", count: 32)
            for words in [
                "send \(start.attempt) \(log) 0 1", "send \(unknown) \(name) 0 1",
                "send \(start.attempt) \(name) 0 \(size + 1)",
                "send \(start.attempt) \(name) \(size + 1) 0",
                "send \(start.attempt) \(name) \(Int64.max) \(Int64.max)",
                "send \(start.attempt) \(Hex.encode("../result.json".utf8)) 0 1",
            ] {
                let refused = try await agent.gate(words)
                #expect(refused.status == .exited(64), "\(words)")
                #expect(refused.stdoutText.contains(#""type":"error""#), "\(words)")
            }
        }
    }

    @Test("A configuration error names file, line and key")
    func configurationErrorsAreLocated() async throws {
        for (text, words) in [
            ("slotz: 3\n", ["agent.yml:2:", "slotz", "slots"]),
            ("slots: many\n", ["agent.yml:2:", "slots"]),
            ("accelerator: xen\n", ["agent.yml:2:", "auto, kvm, tcg"]),
            ("socket: relative\n", ["agent.yml:2:", "absolute"]),
            ("tags: [\"a b\"]\n", ["agent.yml:2:", "tag"]),
        ] {
            let agent = try TestAgent(text)
            let output = try await agent.run(["daemon", "--config", agent.configurationFile])
            #expect(output.status == .exited(78))
            for word in words { #expect(output.stderrText.contains(word), "\(output.stderrText)") }
        }
    }

    @Test("The program prints its version, and usage for wrong arguments")
    func programPrintsUsage() async throws {
        let agent = try TestAgent()
        #expect(try await agent.run(["version"]).stdoutText.contains("protocol 1.1"))
        for words in [[], ["dance"], ["daemon"], ["gate", "attach"], ["supervise"]] {
            let output = try await agent.run(words)
            #expect(output.status == .exited(2))
            #expect(output.stderrText.hasPrefix("aibuild-agent: "))
            #expect(output.stderrText.hasSuffix("--help\n"))
            #expect(output.stdout.isEmpty)
        }
    }
}
