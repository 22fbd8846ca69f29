import AgentCore
@testable import AgentRuntime
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// What heals by itself after a daemon, a supervisor or a disk failed at a bad moment.
@Suite struct RecoveryTests {
    /// Runs until `go` is there, then leaves an image.
    private func waiting(_ agent: TestAgent) -> (script: String, go: String) {
        let go = agent.folder.path + "/go"
        return (
            """
            echo ready
            while [ ! -e \(go) ]; do sleep 0.05; done
            echo image > $AIBUILD_OUTPUT/a.raw
            """, go
        )
    }

    private func begin(_ agent: TestAgent, _ client: TestClient, _ script: String) async throws
        -> (folder: AttemptFolder, supervisor: Int32)
    {
        let start = agent.start(try await agent.deliver(script: script))
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "ready")
        let folder = agent.state.attempt(start.attempt)
        return (folder, try #require(FileLock.holder(folder.lock)))
    }

    /// The coordinator says it once; the daemon dies before the supervisor has obeyed.
    @Test func aForgetSurvivesTheDaemon() async throws {
        let agent = try TestAgent()
        var daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (folder, supervisor) = try await begin(agent, client, waiting(agent).script)
        kill(supervisor, SIGSTOP)
        try await client.send(.forget(Forget(attempt: folder.token)))
        try await eventually("the wish is on disk") { Files.exists(folder.forget) }
        try daemon.crash()
        daemon = try await agent.startDaemon()
        kill(supervisor, SIGCONT)
        try await eventually("the folder is gone") { !Files.exists(folder.root) }
        #expect(agent.processes(folder.token).isEmpty)
    }

    /// As on a full disk: there is no room for the note that would tell the supervisor.
    @Test func aForgetThatCannotBeWrittenIsTriedAgain() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (folder, _) = try await begin(agent, client, waiting(agent).script)
        try Files.rename(folder.control, to: folder.control + ".away")
        try await client.send(.forget(Forget(attempt: folder.token)))
        try await eventually("it cannot") {
            if case .error(let error) = try await client.next() {
                error.code == .internal
            } else {
                false
            }
        }
        try Files.rename(folder.control + ".away", to: folder.control)
        try await eventually("the folder is gone") { !Files.exists(folder.root) }
        _ = daemon.pid
    }

    /// As on a full disk: there is no room for the result of a supervisor that died.
    @Test func anEndThatCannotBeWrittenIsTriedAgain() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (folder, supervisor) = try await begin(agent, client, waiting(agent).script)
        try Files.makeFolder(folder.result)
        kill(supervisor, SIGKILL)
        try await eventually("it is said") {
            let log = try Files.read(agent.folder.path + "/daemon.log", limitBytes: 1 << 20)
            return String(decoding: log, as: UTF8.self).contains("cannot be concluded")
        }
        try Files.remove(folder.result)
        #expect(try await client.follow(folder.token).fault?.code == .supervisorLost)
        _ = daemon.pid
    }

    @Test func anAttemptThatCannotBeBegunLeavesNothing() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let start = agent.start(try await agent.deliver(script: "true"))
        let folder = agent.state.attempt(start.attempt)
        try Files.replace(folder.root, with: [])
        try await client.send(.start(start))
        guard case .error(let error) = try await client.answer() else {
            throw Failure("an attempt without a folder was begun")
        }
        #expect(error.code == .refused)
        try await eventually("what was in the way is gone") { !Files.exists(folder.root) }
        #expect(try await client.build(start).fault == nil)
        _ = daemon.pid
    }

    /// The disk is freed, and what the guest said last is kept.
    @Test func aLostAttemptIsCleanedUp() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (folder, supervisor) = try await begin(agent, client, waiting(agent).script)
        try Files.replace(folder.guests + "/7.serial", with: Array("last words".utf8))
        kill(supervisor, SIGKILL)
        let ended = try await client.follow(folder.token)
        #expect(ended.finished.evidence?.serialTail == "last words")
        for path in folder.scratch + [folder.artifacts] { #expect(!Files.exists(path), "\(path)") }
        _ = daemon.pid
    }

    /// A terminal that is closed, or a signal to the whole service, does not end a build.
    @Test func aSupervisorMindsNoSignalOfOthers() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (script, go) = waiting(agent)
        let (folder, supervisor) = try await begin(agent, client, script)
        kill(supervisor, SIGHUP)
        kill(supervisor, SIGINT)
        // Nor does another supervisor take the attempt.
        let second = try await agent.run(["supervise", folder.root])
        #expect(second.status == .exited(70))
        #expect(second.stderrText.contains("another supervisor runs the attempt"))
        try Files.replace(go, with: [])
        #expect(try await client.follow(folder.token).fault == nil)
        _ = daemon.pid
    }

    /// Neither zombies nor control groups, and no image of a build that failed behind it.
    @Test func anEndedAttemptLeavesNothing() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let start = agent.start(
            try await agent.deliver(
                script: "cd $AIBUILD_OUTPUT; echo image > a.raw; ln -s a.raw b.raw"))
        let ended = try await client.build(start)
        #expect(ended.fault?.code == .templateInvalid)
        let folder = agent.state.attempt(start.attempt)
        for path in folder.scratch + [folder.artifacts] { #expect(!Files.exists(path), "\(path)") }
        let group = AttemptProcesses.groupName(stateFolder: agent.state.root, start.attempt)
        #expect(!ControlGroup.siblings().contains { Files.name(of: $0) == group })
        try await eventually("the supervisor is buried") {
            !ProcessTable.all().contains { $0.parent == daemon.pid && $0.isZombie }
        }
    }

    /// Each holds a process number, and a build may run for hours.
    @Test func endedOrphansOfARunningBuildGo() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let (_, supervisor) = try await begin(
            agent, client, "(sleep 0.3 &)\n" + waiting(agent).script)
        func zombies() -> Int {
            ProcessTable.all().count { $0.parent == supervisor && $0.isZombie }
        }
        try await eventually("the orphan has ended") { zombies() == 1 }
        try await eventually("it is reaped") { zombies() == 0 }
        _ = daemon.pid
    }

    @Test func aBuildThatWaitsForAnothersFetchObeysCancel() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let image = BaseImage(
            url: "http://127.0.0.1:1/a.img", sha256: String(repeating: "a", count: 64))
        let cache = BaseImageCache(state: agent.state)
        guard let lock = try FileLock.tryTake(cache.lock(BaseImageCache.key(image))) else {
            throw Failure("somebody fetches what nobody wants")
        }
        let start = agent.start(try await agent.deliver(script: "true"), baseImage: image)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "waiting for another build")
        try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
        #expect(try await client.follow(start.attempt).fault?.code == .cancelled)
        _ = daemon.pid
        _ = consume lock
    }

    /// What a killed agent left half-written, what nobody uses any more; and what somebody does.
    @Test func theJanitorKnowsWhatIsNeeded() async throws {
        let agent = try TestAgent("qemu_system: no-such-qemu\ncache_bytes: 1MiB\n")
        let state = agent.state
        for folder in state.folders { try Files.makeFolder(folder) }
        func file(_ path: String, bytes: Int = 1, ageSeconds: Int) throws {
            try Files.replace(path, with: [UInt8](repeating: 0, count: bytes))
            let time = timespec(tv_sec: time(nil) - ageSeconds, tv_nsec: 0)
            utimensat(AT_FDCWD, path, [time, time], 0)
        }
        let digests = (0..<AgentLimits.templates + 2).map { SHA256.hex("\($0)".utf8) }
        for (age, digest) in digests.enumerated() {
            try file(state.template(digest), ageSeconds: 100 + age)
        }
        let old = [
            state.template(digests[0]) + ".tmp7", state.baseImages + "/.a.json.7-8.part",
            state.root + "/.epoch.7-8.part",
        ]
        for path in old { try file(path, ageSeconds: 2 * Int(AgentLimits.temporarySeconds)) }
        let fresh = state.template(digests[1]) + ".tmp8"
        try file(fresh, ageSeconds: 0)
        let (fetched, unused) = (String(repeating: "a", count: 64), SHA256.hex([]))
        for digest in [fetched, unused] {
            try file("\(state.baseImages)/\(digest)", bytes: 1 << 20, ageSeconds: 9)
        }
        guard let lock = try FileLock.tryTake(BaseImageCache(state: state).lock(fetched)) else {
            throw Failure("somebody fetches what nobody wants")
        }
        let token = AttemptToken(high: 1, low: 2)
        let group = ControlGroup.make(
            named: AttemptProcesses.groupName(stateFolder: state.root, token))
        let daemon = try await agent.startDaemon()
        try await eventually("the old ones are gone") {
            !old.contains { Files.exists($0) }
                && Templates.digests(state).sorted() == digests.dropLast(2).sorted()
                && !Files.exists("\(state.baseImages)/\(unused)")
                && !(group.map { Files.exists($0.folder) } ?? false)
        }
        #expect(Files.exists(fresh))
        #expect(Files.exists("\(state.baseImages)/\(fetched)"))
        _ = daemon.pid
        _ = consume lock
    }

    /// What is measured stays as it is.
    @Test func whatABuildLeftRunningDoesNotWriteToItsImage() async throws {
        let agent = try TestAgent()
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let start = agent.start(
            try await agent.deliver(
                script: """
                    exec 3>$AIBUILD_OUTPUT/a.raw
                    (while :; do echo more >&3; done) &
                    until [ -s $AIBUILD_OUTPUT/a.raw ]; do sleep 0.05; done
                    """))
        let ended = try await client.build(start)
        let artifact = try #require(ended.finished.artifacts.first, "\(ended.log)")
        let path = agent.state.attempt(start.attempt).artifacts + "/a.raw"
        #expect(Files.sizeBytes(path) == artifact.sizeBytes)
        #expect(try SHA256.file(path) == artifact.sha256)
        _ = daemon.pid
    }

    /// A full disk takes some records and a part of one. A reader sees whole ones, which stay, and
    /// what is written later follows them.
    @Test func aLogOnAFullDiskHoldsWholeRecords() async throws {
        // A small file system of its own needs root.
        guard getuid() == 0 else { return }
        let folder = try TemporaryFolder()
        let environment = Command.minimalEnvironment
        let mounted = try await Command(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path],
            environment: environment
        ).run(timeoutSeconds: 60)
        try #require(mounted.status.isSuccess, "\(mounted.stderrText)")
        let path = folder.path + "/log"
        let outcome = Result {
            let log = try AttemptLog(path, limitBytes: 1 << 30)
            let record = [UInt8](repeating: 0x61, count: 9_999) + [0x0A]
            let records = Array(repeatElement(record, count: 20).joined())
            #expect(throws: SystemError.self) { try log.write(records) }
            #expect(try Files.read(path, limitBytes: 1 << 20) == Array(records.prefix(60_000)))
            try log.note("the disk is full")
            let end = try log.close()
            #expect(end.sha256 == (try SHA256.file(path)))
            #expect(end.sizeBytes == Files.sizeBytes(path))
        }
        _ = try await Command(["umount", "-l", folder.path], environment: environment)
            .run(timeoutSeconds: 60)
        try outcome.get()
    }
}
