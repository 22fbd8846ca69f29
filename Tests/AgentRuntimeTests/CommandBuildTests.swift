import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Builds by a template's own program, through a real daemon and supervisor.
@Suite struct CommandBuildTests {
    @Test("A build leaves artifacts, log and result, and nothing else")
    func leavesArtifactsLogAndResult() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    echo "hello $AIBUILD_VAR_name $AIBUILD_IMAGE_NAME"
                    echo problem >&2
                    head -c 5000000 /dev/zero | tr '\\0' x > "$AIBUILD_OUTPUT/a b.raw"
                    printf 'QFI\\373\\0\\0\\0\\3' > "$AIBUILD_OUTPUT/b.qcow2"
                    """)
            let start = agent.start(template, variables: ["name": "wörld"])
            let built = try await client.build(start)
            #expect(built.fault == nil)
            #expect(built.finished.outcome.exitCode == 0)
            #expect(built.texts.contains("hello wörld gx86_64_20261121_1"))
            #expect(built.log.contains(#""s":"out","m":"problem"}"#))
            #expect(Array(built.log.utf8) == (try agent.log(start.attempt)))
            #expect(built.finished.logBytes == Int64(built.log.utf8.count))
            #expect(built.finished.logSHA256 == SHA256.hex(built.log.utf8))

            let artifacts = built.finished.artifacts
            #expect(artifacts.map(\.name) == ["a b.raw", "b.qcow2"])
            #expect(artifacts.map(\.format) == [.raw, .qcow2])
            let image = [UInt8](repeating: 0x78, count: 5_000_000)
            let first = try #require(artifacts.first)
            #expect(first.sizeBytes == 5_000_000)
            #expect(first.sha256 == SHA256.hex(image))
            #expect(
                first.chunkSHA256 == [
                    SHA256.hex(image[..<ProtocolLimits.artifactChunkBytes]),
                    SHA256.hex(image[ProtocolLimits.artifactChunkBytes...]),
                ])
            // The scratch files are deleted; what the coordinator may still ask for is kept.
            let left = try Files.list(agent.state.attempt(start.attempt).root)
            #expect(
                !left.contains("work") && !left.contains("output") && left.contains("artifacts"))
        }
    }

    @Test(
        "Files have the modes that the template gives them",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func modes(_ settings: String) async throws {
        try await withAgent(settings) { agent, client in
            var tar = TarFile()
            tar.add("build", "#!/bin/sh\nmkdir new; touch file\nstat -c '%a %n' * .\n", mode: 0o755)
            tar.add("etc/motd", mode: 0o664)
            tar.add("secret", mode: 0o600)
            let template = try await agent.deliver(tar.archive)
            let built = try await client.build(agent.start(template))
            for line in [
                "755 build", "755 etc", "600 secret", "755 new", "644 file", "755 .",
            ] {
                #expect(built.texts.contains(line), "\(line) in \(built.texts)")
            }
        }
    }

    /// A control group with little memory: the kernel kills a process in it, and the shell only
    /// sees that a child died. Needs root to create it.
    @Test("A child killed by the kernel for memory is an infrastructure fault")
    func oomKilledChildIsInfrastructure() async throws {
        if getuid() != 0 { return }
        try await withAgent(TestAgent.unisolated) { agent, client in
            let name = "aibuild-test-\(agent.folder.path.split(separator: "/").last ?? "")"
            let template = try await agent.deliver(
                script: """
                    set -e
                    for parent in /sys/fs/cgroup/memory /sys/fs/cgroup; do
                        [ -e $parent/cgroup.procs ] && break
                    done
                    group=$parent/\(name)
                    mkdir $group
                    for limit in memory.limit_in_bytes memory.max; do
                        [ ! -e $group/$limit ] || echo 8M > $group/$limit
                    done
                    eat="bytes(range(256)) * 400000"
                    sh -c "echo \\$\\$ > $group/cgroup.procs; exec python3 -c '$eat'" &
                    wait $!
                    """)
            let built = try await client.build(agent.start(template))
            for parent in ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"] { rmdir("\(parent)/\(name)") }
            #expect(built.fault?.code == .buildKilled, "\(built.log)")
            #expect(built.fault?.class == .infrastructure)
        }
    }

    /// As on a full disk: the request cannot be saved, and the coordinator sends it only once.
    @Test("Forgetting a finished attempt writes nothing to disk")
    func forgetNeedsNoRoom() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(script: "true")
            let start = agent.start(template)
            _ = try await client.build(start)
            let folder = agent.state.attempt(start.attempt)
            try Files.remove(folder.control)
            try Files.replace(folder.control, with: [])
            try await client.send(.forget(Forget(attempt: start.attempt)))
            try await eventually("the folder is gone") { !Files.exists(folder.root) }
        }
    }

    @Test("Every message may be sent twice")
    func messagesAreIdempotent() async throws {
        try await withAgent(TestAgent.unisolated) { agent, client in
            let counter = agent.folder.path + "/count"
            let template = try await agent.deliver(script: "echo x >> \(counter)")
            let start = agent.start(template)
            try await client.send(.start(start))
            _ = try await client.answer()
            _ = try await client.build(start)
            let again = try await client.build(start)
            #expect(again.finished.outcome.passed)
            #expect(try Files.read(counter, limitBytes: 100) == Array("x\n".utf8))
            for _ in 0..<2 {
                try await client.send(
                    .cancel(Cancel(attempt: start.attempt, reason: "too late")))
                #expect(try await client.follow(start.attempt).finished == again.finished)
            }
            for _ in 0..<2 { try await client.send(.forget(Forget(attempt: start.attempt))) }
            try await client.send(.ping(Ping(id: 7)))
            #expect(try await client.answer() == .pong(Ping(id: 7)))
            let folder = agent.state.attempt(start.attempt).root
            try await eventually("the folder is gone") { !Files.exists(folder) }
            // A start that was in transit when the attempt was forgotten does not run it again.
            try await client.send(.start(start))
            guard case .error(let error) = try await client.answer() else {
                throw Failure("a forgotten attempt was started")
            }
            #expect(error.code == .refused)
            #expect(try Files.read(counter, limitBytes: 100) == Array("x\n".utf8))
        }
    }

    @Test("Binary, huge and unterminated output is logged")
    func hostileOutputIsLogged() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: #"""
                    printf 'nul \000 ansi \033[31m bad \377\n'
                    head -c 1000000 /dev/zero | tr '\0' y; echo
                    printf 'no newline'
                    """#)
            let built = try await client.build(agent.start(template))
            #expect(built.fault == nil)
            #expect(built.texts.contains("nul \0 ansi \u{1B}[31m bad \\xff"))
            #expect(built.texts.contains("no newline"))
            #expect(built.texts.joined().count { $0 == "y" } == 1_000_000)
            #expect(built.texts.allSatisfy { $0.utf8.count <= ProtocolLimits.logRecordTextBytes })
        }
    }

    @Test("A log stays within its limit and keeps both ends")
    func logStaysWithinLimit() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(script: "seq 1 200000; echo the end")
            let limits = AttemptLimits(totalSeconds: 200, silenceSeconds: 200, logBytes: 300_000)
            let built = try await client.build(agent.start(template, limits: limits))
            #expect(built.finished.logBytes <= 300_000)
            #expect(built.finished.logSHA256 == SHA256.hex(built.log.utf8))
            #expect(built.texts.contains("1"))
            #expect(built.texts.contains("the end"))
            #expect(
                built.texts.contains { $0.contains("log lines") && $0.contains("dropped here") })
        }
    }

    @Test(
        "Faults of a build command are classified",
        arguments: [
            ("exit 3", FaultCode.commandFailed, FaultClass.template),
            ("kill -9 $$", .buildKilled, .infrastructure),
            ("ln -s /etc/passwd $AIBUILD_OUTPUT/a.raw", .templateInvalid, .template),
            ("mkdir $AIBUILD_OUTPUT/sub", .templateInvalid, .template),
            ("mkfifo $AIBUILD_OUTPUT/a.raw", .templateInvalid, .template),
            ("touch $AIBUILD_OUTPUT/.hidden", .templateInvalid, .template),
            ("rm -rf $AIBUILD_OUTPUT; ln -s /etc $AIBUILD_OUTPUT", .templateInvalid, .template),
        ])
    func commandFaultsAreClassified(script: String, code: FaultCode, faultClass: FaultClass)
        async throws
    {
        try await withAgent { agent, client in
            let template = try await agent.deliver(script: "echo words; " + script)
            let built = try await client.build(agent.start(template))
            #expect(built.fault?.code == code, "\(built.log)")
            #expect(built.fault?.class == faultClass)
            #expect(built.finished.artifacts == [])
        }
    }

    @Test("A missing or non-executable build command is named")
    func missingProgramIsNamed() async throws {
        try await withAgent { agent, client in
            var tar = TarFile()
            tar.add("plain", "#!/bin/sh\n", mode: 0o644)
            tar.add("make-it", "#!/usr/bin/pythn3\n", mode: 0o755)
            tar.add("empty", "echo x\n", mode: 0o755)
            let template = try await agent.deliver(tar.archive)
            for (program, code, words) in [
                ("./nowhere", FaultCode.templateMissing, "is not in the template repository"),
                ("no-such-program", .templateMissing, "is not installed on this host"),
                ("make-it", .templateMissing, "write ./make-it"),
                ("./plain", .templateInvalid, "chmod +x ./plain"),
                ("./make-it", .templateInvalid, "'#!/usr/bin/pythn3', which names no program"),
                ("./empty", .templateInvalid, "such as #!/bin/sh"),
            ] {
                let start = agent.start(template, .command([program]))
                let fault = try await client.build(start).fault
                #expect(fault?.code == code, "\(program)")
                #expect(fault?.reason.contains(Names.quoted(program)) == true)
                #expect(fault?.reason.contains(words) == true, "\(fault?.reason ?? "")")
            }
            // A program of the host needs no file in the template.
            let built = try await client.build(agent.start(template, .command(["true"])))
            #expect(built.fault == nil && built.finished.artifacts == [])
            var start = agent.start(template, .command(["true"]))
            start.recipe.mayLeaveNothing = nil
            let empty = try await client.build(start)
            #expect(empty.fault?.code == .noImage && empty.fault?.class == .template)
            for words in ["left no file", "AIBUILD_OUTPUT (/aib/output)", "`image: none`"] {
                #expect(empty.fault?.reason.contains(words) == true, "\(empty.fault?.reason ?? "")")
            }
        }
    }

    @Test("A template archive cannot write outside its folder")
    func archivesCannotEscape() async throws {
        try await withAgent { agent, client in
            let outside = agent.folder.path + "/outside"
            var archives: [[UInt8]] = []
            var tar = TarFile()
            tar.add("../../../outside", "escaped")
            archives.append(tar.archive)
            tar = TarFile()
            tar.add(outside, "escaped")
            tar.add("link", kind: .link, target: "/etc")
            archives.append(tar.archive)
            tar = TarFile()
            tar.add("up", kind: .link, target: "..")
            archives.append(tar.archive)
            tar = TarFile()
            tar.add("d", kind: .link, target: agent.folder.path)
            tar.add("d/outside", "escaped")
            archives.append(tar.archive)
            tar = TarFile()
            tar.add("pipe", kind: .fifo)
            archives.append(tar.archive)
            tar = TarFile()
            tar.add("a", kind: .hardLink, target: "../../../agent.yml")
            archives.append(tar.archive)
            archives.append([UInt8](repeating: 0x41, count: 10_000))
            for (index, archive) in archives.enumerated() {
                let template = try await agent.deliver(archive)
                let built = try await client.build(agent.start(template, .command(["true"])))
                #expect(built.fault?.code == .templateInvalid, "archive \(index): \(built.log)")
                #expect(!Files.exists(outside), "archive \(index)")
            }
        }
    }

    @Test("A full disk is an infrastructure fault and is freed afterwards")
    func fullDiskIsInfrastructure() async throws {
        // Mounting a small file system needs root; otherwise the classifier's tests have to
        // suffice.
        guard getuid() == 0 else { return }
        let agent = try TestAgent()
        try await withTmpfs(agent.state.root, size: "300m") {
            try await agent.serve {
                let client = try await agent.connect()
                let template = try await agent.deliver(
                    script: "exec dd if=/dev/zero of=$AIBUILD_OUTPUT/a.raw bs=1M")
                let built = try await client.build(agent.start(template))
                #expect(built.fault?.code == .diskFull)
                #expect(built.fault?.class == .infrastructure)
                // The log does not fit either.
                let verbose = try await agent.deliver(
                    script: """
                        dd if=/dev/zero of=$AIBUILD_OUTPUT/a.raw bs=1M
                        while :; do echo words; done
                        """)
                let fault = try await client.build(agent.start(verbose)).fault
                #expect(fault?.code == .diskFull)
                // Room again for the next one.
                #expect(try Files.room(agent.state.root).free > 250 << 20)
            }
        }
    }
}
