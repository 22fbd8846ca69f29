import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Cancel and timers end whole process trees; crashes of agent processes lose nothing.
@Suite struct StopTests {
    /// Ignores the polite signals, and has children that left the group, the session and the
    /// environment.
    private let unkillable = """
        trap '' INT TERM HUP
        setsid sh -c "trap '' INT TERM; echo child; while :; do sleep 1000; done" &
        (setsid env -i /bin/sh -c 'exec sleep 1000' &)
        echo ready
        while :; do sleep 1000; done
        """

    @Test(arguments: [false, true])
    func cancelEndsTheWholeTree(withoutGroups: Bool) async throws {
        if withoutGroups && getuid() != 0 { return }
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon(withoutGroups: withoutGroups)
        let mark = agent.folder.path + "/unmarked"
        let script =
            "(setsid env -i /bin/sh -c 'echo $$ >\(mark); exec sleep 1000' &)\n" + unkillable
        let template = try await agent.deliver(script: script)
        let client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        try await eventually("the unmarked child runs") { Files.sizeBytes(mark) ?? 0 > 0 }
        let bytes = try Files.read(mark, limitBytes: 100)
        let unmarked = try #require(Int32(String(decoding: bytes.dropLast(), as: UTF8.self)))
        let asked = Clocks.monotonicMilliseconds()
        try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "no longer needed")))
        let ended = try await client.follow(start.attempt)
        #expect(ended.fault?.class == .cancelled)
        #expect(ended.fault?.reason == "cancelled: no longer needed")
        // Two polite waits of 7 s together are part of the promise; without the kill it would run
        // for ever.
        #expect(Clocks.monotonicMilliseconds() - asked < 60_000)
        #expect(agent.processes(start.attempt).isEmpty)
        #expect(kill(unmarked, 0) == -1)
        let group = agent.state.attempt(start.attempt).controlGroup
        if withoutGroups { #expect(!Files.exists(group)) }
        _ = daemon.pid
    }

    @Test func aPoliteProgramMayCleanUp() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(
            script: "trap 'echo cleaned; exit 1' INT; echo ready; sleep 1000 & wait")
        let client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
        let ended = try await client.follow(start.attempt)
        #expect(ended.texts.contains("cleaned"))
        #expect(ended.fault?.code == .cancelled)
        _ = daemon.pid
    }

    @Test func bothTimersEndABuild() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(
            script: "trap '' INT TERM; while :; do sleep 0.2; $1; done")
        let client = try await agent.connect()
        let silent = agent.start(
            template, .command(["./build", "true"]),
            limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 1))
        #expect(try await client.build(silent).fault?.code == .timeoutSilence)
        let chatty = agent.start(
            template, .command(["./build", "date"]),
            limits: AttemptLimits(totalSeconds: 2, silenceSeconds: 300))
        let ended = try await client.build(chatty)
        #expect(ended.fault?.code == .timeoutTotal)
        #expect(ended.fault?.class == .template)
        #expect(agent.processes(chatty.attempt).isEmpty)
        _ = daemon.pid
    }

    @Test func aDaemonsCrashLosesNothing() async throws {
        let agent = try TestAgent()
        var daemon = try await agent.startDaemon()
        let go = agent.folder.path + "/go"
        let template = try await agent.deliver(
            script: """
                echo before
                while [ ! -e \(go) ]; do sleep 0.05; done
                echo after
                echo image > $AIBUILD_OUTPUT/a.raw
                """)
        var client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "before")
        try daemon.crash()
        daemon = try await agent.startDaemon()
        client = try await TestClient(agent.state.socket)
        let hello = try await client.greet()
        #expect(hello.attempts.map(\.attempt) == [start.attempt])
        // It ran on, and was left alone.
        #expect(hello.attempts.map(\.state) == [.building])
        try Files.replace(go, with: [])
        let built = try await client.follow(start.attempt)
        #expect(built.fault == nil)
        #expect(built.texts.filter { $0 == "before" || $0 == "after" } == ["before", "after"])
        #expect(built.finished.logSHA256 == SHA256.hex(built.log.utf8))
        // And once more, after its end.
        try daemon.crash()
        daemon = try await agent.startDaemon()
        client = try await agent.connect()
        #expect(try await client.follow(start.attempt).finished == built.finished)
    }

    @Test func aCancelSurvivesTheDaemon() async throws {
        let agent = try TestAgent()
        var daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: unkillable)
        var client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
        let wish = agent.state.attempt(start.attempt).cancel
        try await eventually("the wish is on disk") { Files.exists(wish) }
        try daemon.crash()
        daemon = try await agent.startDaemon()
        client = try await agent.connect()
        #expect(try await client.follow(start.attempt).fault?.code == .cancelled)
    }

    @Test func aSupervisorsDeathIsTheHosts() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: unkillable)
        let client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        let folder = agent.state.attempt(start.attempt)
        let supervisor = try #require(FileLock.holder(folder.lock))
        kill(supervisor, SIGKILL)
        let ended = try await client.follow(start.attempt)
        #expect(ended.fault?.code == .supervisorLost)
        #expect(ended.fault?.class == .infrastructure)
        #expect(ended.finished.logSHA256 == SHA256.hex(ended.log.utf8))
        #expect(agent.processes(start.attempt).isEmpty)
        _ = daemon.pid
    }

    @Test func bothMayDieAtOnce() async throws {
        let agent = try TestAgent()
        var daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: unkillable)
        var client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        let folder = agent.state.attempt(start.attempt)
        let supervisor = try #require(FileLock.holder(folder.lock))
        try daemon.crash()
        kill(supervisor, SIGKILL)
        // A writer that is killed may leave a part of a record.
        let log = try Descriptor(folder.log, O_WRONLY | O_APPEND)
        try log.writeAll(Array(#"{"t":1,"s":"out","m":"half"#.utf8))
        daemon = try await agent.startDaemon()
        client = try await agent.connect()
        let ended = try await client.follow(start.attempt)
        #expect(ended.fault?.code == .supervisorLost)
        #expect(!ended.texts.contains("?"))
        #expect(agent.processes(start.attempt).isEmpty)
    }

    @Test func forgettingARunningAttemptKillsIt() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let template = try await agent.deliver(script: unkillable)
        let client = try await agent.connect()
        let start = agent.start(template)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        try await client.send(.forget(Forget(attempt: start.attempt)))
        let folder = agent.state.attempt(start.attempt).root
        try await eventually("the folder is gone") { !Files.exists(folder) }
        #expect(agent.processes(start.attempt).isEmpty)
        _ = daemon.pid
    }

    @Test func orphansAndUnknownFoldersGo() async throws {
        let agent = try TestAgent()
        for folder in agent.state.folders { try Files.makeFolder(folder) }
        let token = try #require(AttemptToken(high: 1, low: 2))
        let orphan = try ChildProcess(
            Command(
                ["/bin/sleep", "1000"],
                environment: [
                    ProcessMark.attempt: token.text, ProcessMark.stateFolder: agent.state.root,
                ]))
        let stranger = try ChildProcess(
            Command(
                ["/bin/sleep", "1000"],
                environment: [
                    ProcessMark.attempt: token.text, ProcessMark.stateFolder: "/elsewhere",
                ]))
        try Files.makeFolder(agent.state.attempts + "/no-token")
        try Files.makeFolder(agent.state.attempt(token).root)
        try Files.makeFolder(agent.state.trash + "/old/deep")
        let daemon = try await agent.startDaemon()
        _ = try Wait.readable([orphan.pidfd.raw], timeoutMilliseconds: 60_000)
        #expect(try orphan.reap() == .killed(signal: 9))
        #expect(try stranger.reap() == nil)
        stranger.signalGroup(SIGKILL)
        let state = agent.state
        try await eventually("the folders are gone") {
            try Files.list(state.attempts).isEmpty && Files.list(state.trash).isEmpty
        }
        _ = daemon.pid
    }
}

extension AttemptToken {
    fileprivate init?(high: Int, low: Int) {
        self = AttemptToken(high: UInt64(high), low: UInt64(low))
    }
}
