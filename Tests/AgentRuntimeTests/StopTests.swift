import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Cancel requests and timers end whole process trees; crashes of agent processes lose nothing.
@Suite struct StopTests {
    /// Ignores the signals that can be ignored, and has children that left its process group,
    /// session and environment.
    private let unkillable = """
        trap '' INT TERM HUP
        setsid sh -c "trap '' INT TERM; echo child; while :; do sleep 1000; done" &
        (setsid env -i /bin/sh -c 'exec sleep 1000' &)
        echo ready
        while :; do sleep 1000; done
        """

    @Test(
        "A cancel request kills the whole process tree, with and without control groups",
        arguments: [false, true])
    func cancelKillsProcessTree(withoutGroups: Bool) async throws {
        if withoutGroups && getuid() != 0 { return }
        // Its namespaces alone would end everything in them.
        let agent = try TestAgent(TestAgent.unisolated)
        try await agent.serve(withoutGroups: withoutGroups) {
            let client = try await agent.connect()
            let mark = agent.folder.path + "/unmarked"
            let build = try await agent.begin(
                client,
                "(setsid env -i /bin/sh -c 'echo $$ >\(mark); exec sleep 1000' &)\n" + unkillable)
            try await eventually("the unmarked child runs") { Files.sizeBytes(mark) ?? 0 > 0 }
            let bytes = try Files.read(mark, limitBytes: 100)
            let unmarked = try #require(Int32(String(decoding: bytes.dropLast(), as: UTF8.self)))
            let asked = Clocks.monotonicMilliseconds()
            try await client.send(.cancel(Cancel(attempt: build.token, reason: "obsolete")))
            let ended = try await client.follow(build.token)
            #expect(ended.fault?.class == .cancelled)
            #expect(ended.fault?.reason == "obsolete")
            // The grace periods, 7 s in all, are part of the promise; without the kill it would run
            // forever.
            #expect(Clocks.monotonicMilliseconds() - asked < 60_000)
            #expect(agent.processes(build.token).isEmpty)
            #expect(kill(unmarked, 0) == -1)
            if withoutGroups { #expect(!Files.exists(build.folder.controlGroup)) }
        }
    }

    @Test("A supervisor that is stopped loses its attempt and its slot after a cancel request")
    func stoppedSupervisorIsKilled() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, "echo ready; sleep 1000")
            kill(build.supervisor, SIGSTOP)
            try await client.send(.cancel(Cancel(attempt: build.token, reason: "obsolete")))
            let ended = try await client.follow(build.token)
            #expect(ended.fault?.class == .cancelled)
            #expect(ended.fault?.reason.contains("supervisor did not stop") == true)
            #expect(agent.processes(build.token).isEmpty)
        }
    }

    @Test("A cancelled program may clean up on SIGINT")
    func cancelledProgramMayCleanUp() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(
                client, "trap 'echo cleaned; exit 1' INT; echo ready; sleep 1000 & wait")
            try await client.send(.cancel(Cancel(attempt: build.token, reason: "x")))
            let ended = try await client.follow(build.token)
            #expect(ended.texts.contains("cleaned"))
            #expect(ended.fault?.code == .cancelled)
        }
    }

    @Test("The silence timer and the total timer each end a build")
    func timersEndBuild() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: "trap '' INT TERM; while :; do sleep 0.2; $1; done")
            let silent = agent.start(
                template, .command(["./build", "true"]),
                limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 1))
            #expect(try await client.build(silent).fault?.code == .timeoutSilence)
            let verbose = agent.start(
                template, .command(["./build", "date"]),
                limits: AttemptLimits(totalSeconds: 2, silenceSeconds: 300))
            let ended = try await client.build(verbose)
            #expect(ended.fault?.code == .timeoutTotal)
            #expect(ended.fault?.class == .template)
            #expect(agent.processes(verbose.attempt).isEmpty)
        }
    }

    @Test("A killed daemon finds its attempts again")
    func daemonCrashLosesNothing() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(
                client,
                """
                echo before
                while [ ! -e go ]; do sleep 0.05; done
                echo after
                echo image > $AIBUILD_OUTPUT/a.raw
                """, until: "before")
            try await agent.restartDaemon()
            let second = try await TestClient(agent.state.socket)
            let hello = try await second.greet()
            #expect(hello.attempts.map(\.attempt) == [build.token])
            // It ran on undisturbed.
            #expect(hello.attempts.map(\.state) == [.building])
            try Files.replace(build.folder.work + "/go", with: [])
            let built = try await second.follow(build.token)
            #expect(built.fault == nil)
            #expect(built.texts.filter { $0 == "before" || $0 == "after" } == ["before", "after"])
            #expect(built.finished.logSHA256 == SHA256.hex(built.log.utf8))
            // And once more, after its end.
            try await agent.restartDaemon()
            let third = try await agent.connect()
            #expect(try await third.follow(build.token).finished == built.finished)
        }
    }

    @Test("A cancel request survives a crash of the daemon")
    func cancelSurvivesDaemon() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, unkillable)
            try await client.send(.cancel(Cancel(attempt: build.token, reason: "x")))
            try await eventually("the request is on disk") { Files.exists(build.folder.cancel) }
            try await agent.restartDaemon()
            let second = try await agent.connect()
            #expect(try await second.follow(build.token).fault?.code == .cancelled)
        }
    }

    @Test("A killed supervisor is an infrastructure fault and leaves no process")
    func killedSupervisorIsInfrastructure() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, unkillable)
            kill(build.supervisor, SIGKILL)
            let ended = try await client.follow(build.token)
            #expect(ended.fault?.code == .supervisorLost)
            #expect(ended.fault?.class == .infrastructure)
            #expect(ended.finished.logSHA256 == SHA256.hex(ended.log.utf8))
            #expect(agent.processes(build.token).isEmpty)
        }
    }

    @Test("Daemon and supervisor killed at once leave no process and whole log lines")
    func daemonAndSupervisorDie() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, unkillable)
            try agent.crashDaemon()
            kill(build.supervisor, SIGKILL)
            // A writer that is killed may leave a part of a record.
            let log = try Descriptor(build.folder.log, O_WRONLY | O_APPEND)
            try log.writeAll(Array(#"{"t":1,"s":"out","m":"half"#.utf8))
            try await agent.startDaemon()
            let ended = try await agent.connect().follow(build.token)
            #expect(ended.fault?.code == .supervisorLost)
            #expect(!ended.texts.contains("?"))
            #expect(agent.processes(build.token).isEmpty)
        }
    }

    @Test("Forgetting a running attempt kills and deletes it")
    func forgetKillsRunningAttempt() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, unkillable)
            try await client.send(.forget(Forget(attempt: build.token)))
            try await eventually("the folder is gone") { !Files.exists(build.folder.root) }
            #expect(agent.processes(build.token).isEmpty)
        }
    }

    @Test("A starting daemon removes its orphans and unknown folders, and no one else's")
    func startRemovesOrphans() async throws {
        let agent = try TestAgent()
        for folder in agent.state.folders { try Files.makeFolder(folder) }
        let token = AttemptToken(high: 1, low: 2)
        func sleeper(stateFolder: String) throws -> ChildProcess {
            try ChildProcess(
                Command(
                    ["/bin/sleep", "1000"],
                    environment: [
                        ProcessMark.attempt: token.text, ProcessMark.stateFolder: stateFolder,
                    ]))
        }
        let orphan = try sleeper(stateFolder: agent.state.root)
        let stranger = try sleeper(stateFolder: "/elsewhere")
        try Files.makeFolder(agent.state.attempts + "/no-token")
        try Files.makeFolder(agent.state.attempt(token).root)
        try Files.makeFolder(agent.state.trash + "/old/deep")
        try await agent.serve {
            _ = try Wait.readable([orphan.pidfd.raw], timeoutMilliseconds: 60_000)
            #expect(try orphan.reap() == .killed(signal: 9))
            #expect(try stranger.reap() == nil)
            stranger.signalGroup(SIGKILL)
            try await eventually("the folders are gone") {
                try Files.list(agent.state.attempts).isEmpty
                    && Files.list(agent.state.trash).isEmpty
            }
        }
    }
}
