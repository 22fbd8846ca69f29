import AgentCore
@testable import AgentRuntime
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Recovery after a daemon, a supervisor or a disk failed at a bad moment.
@Suite struct RecoveryTests {
    /// Runs until the file `go` exists in its work folder, then leaves an image.
    private let waiting = """
        echo ready
        while [ ! -e go ]; do sleep 0.05; done
        echo image > $AIBUILD_OUTPUT/a.raw
        """

    /// The coordinator sends it once; the daemon dies before the supervisor has acted on it.
    @Test("A forget request survives a crash of the daemon")
    func forgetSurvivesDaemon() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, waiting)
            kill(build.supervisor, SIGSTOP)
            try await client.send(.forget(Forget(attempt: build.token)))
            try await eventually("the request is on disk") { Files.exists(build.folder.forget) }
            try await agent.restartDaemon()
            kill(build.supervisor, SIGCONT)
            try await eventually("the folder is gone") { !Files.exists(build.folder.root) }
            #expect(agent.processes(build.token).isEmpty)
        }
    }

    /// As on a full disk: the request for the supervisor cannot be saved.
    @Test("A forget request that cannot be written is retried")
    func failedForgetIsRetried() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, waiting)
            try Files.rename(build.folder.control, to: build.folder.control + ".away")
            try await client.send(.forget(Forget(attempt: build.token)))
            try await eventually("it cannot") {
                if case .error(let error) = try await client.next() {
                    error.code == .internal
                } else {
                    false
                }
            }
            try Files.rename(build.folder.control + ".away", to: build.folder.control)
            try await eventually("the folder is gone") { !Files.exists(build.folder.root) }
        }
    }

    /// As on a full disk: the result of a supervisor that died cannot be saved.
    @Test("The result of a lost attempt that cannot be written is retried")
    func failedResultIsRetried() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, waiting)
            try Files.makeFolder(build.folder.result)
            kill(build.supervisor, SIGKILL)
            try await eventually("it is said") {
                let log = try Files.read(agent.folder.path + "/daemon.log", limitBytes: 1 << 20)
                return String(decoding: log, as: UTF8.self).contains("cannot be concluded")
            }
            try Files.remove(build.folder.result)
            #expect(try await client.follow(build.token).fault?.code == .supervisorLost)
        }
    }

    @Test("An attempt that cannot be started leaves nothing")
    func failedStartLeavesNothing() async throws {
        try await withAgent { agent, client in
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
        }
    }

    /// The disk space is freed, and the guest's last output is kept.
    @Test("A lost attempt is cleaned up, and its console tail is kept")
    func lostAttemptIsCleanedUp() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, waiting)
            try Files.replace(build.folder.guests + "/7.serial", with: Array("last words".utf8))
            kill(build.supervisor, SIGKILL)
            let ended = try await client.follow(build.token)
            #expect(ended.finished.evidence?.serialTail == "last words")
            for path in build.folder.scratch + [build.folder.artifacts] {
                #expect(!Files.exists(path), "\(path)")
            }
        }
    }

    /// Neither closing the terminal nor a signal to the whole service ends a build.
    @Test("A supervisor ignores SIGHUP and SIGINT and keeps its attempt to itself")
    func supervisorIgnoresSignals() async throws {
        try await withAgent { agent, client in
            let build = try await agent.begin(client, waiting)
            kill(build.supervisor, SIGHUP)
            kill(build.supervisor, SIGINT)
            // Nor does another supervisor take over the attempt.
            let second = try await agent.run(["supervise", build.folder.root])
            #expect(second.status == .exited(70))
            #expect(second.stderrText.contains("another supervisor runs the attempt"))
            try Files.replace(build.folder.work + "/go", with: [])
            #expect(try await client.follow(build.token).fault == nil)
        }
    }

    /// Neither zombies nor control groups remain, nor the image of a build that failed afterwards.
    @Test("An ended attempt leaves no scratch files, control group or zombie")
    func endedAttemptLeavesNothing() async throws {
        try await withAgent { agent, client in
            let start = agent.start(
                try await agent.deliver(
                    script: "cd $AIBUILD_OUTPUT; echo image > a.raw; ln -s a.raw b.raw"))
            let ended = try await client.build(start)
            #expect(ended.fault?.code == .templateInvalid)
            let folder = agent.state.attempt(start.attempt)
            for path in folder.scratch + [folder.artifacts] {
                #expect(!Files.exists(path), "\(path)")
            }
            let group = AttemptProcesses.groupName(stateFolder: agent.state.root, start.attempt)
            #expect(!ControlGroup.siblings().contains { Files.name(of: $0) == group })
            let daemon = agent.daemonPID
            try await eventually("the supervisor is reaped") {
                !ProcessTable.all().contains { $0.parent == daemon && $0.isZombie }
            }
        }
    }

    /// Each zombie occupies a process id, and a build may run for hours. In a sandbox they are its
    /// first process's.
    @Test("Ended orphans of a running build are reaped")
    func orphansAreReaped() async throws {
        try await withAgent(TestAgent.unisolated) { agent, client in
            let build = try await agent.begin(
                client, "(sleep 0.3 &)\n" + waiting)
            func zombies() -> Int {
                ProcessTable.all().count { $0.parent == build.supervisor && $0.isZombie }
            }
            try await eventually("the orphan has ended") { zombies() == 1 }
            try await eventually("it is reaped") { zombies() == 0 }
        }
    }

    @Test("A cancel request ends the wait for another build's fetch")
    func cancelEndsWaitForFetch() async throws {
        try await withAgent { agent, client in
            let image = BaseImage(
                url: "http://127.0.0.1:1/a.img", sha256: String(repeating: "a", count: 64))
            let cache = BaseImageCache(state: agent.state)
            guard let lock = try FileLock.tryTake(cache.lock(BaseImageCache.key(image))) else {
                throw Failure("an obsolete fetch still runs")
            }
            let start = agent.start(try await agent.deliver(script: "true"), baseImage: image)
            try await client.send(.start(start))
            try await client.follow(start.attempt, until: "waiting for another build")
            try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "x")))
            #expect(try await client.follow(start.attempt).fault?.code == .cancelled)
            _ = consume lock
        }
    }

    /// Files that a killed agent left incomplete, unused files, and files in use.
    @Test("The janitor removes what is stale and keeps what is in use")
    func janitorRemovesOnlyUnneeded() async throws {
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
            throw Failure("an obsolete fetch still runs")
        }
        let token = AttemptToken(high: 1, low: 2)
        let group = ControlGroup.make(
            named: AttemptProcesses.groupName(stateFolder: state.root, token))
        try await agent.serve {
            try await eventually("the old ones are gone") {
                !old.contains { Files.exists($0) }
                    && Templates.digests(state).sorted() == digests.dropLast(2).sorted()
                    && !Files.exists("\(state.baseImages)/\(unused)")
                    && !(group.map { Files.exists($0.folder) } ?? false)
            }
            #expect(Files.exists(fresh))
            #expect(Files.exists("\(state.baseImages)/\(fetched)"))
        }
        _ = consume lock
    }

    /// The measured files are not changed.
    @Test("A process left running cannot write to the image after it is measured")
    func leftoversCannotWriteImage() async throws {
        try await withAgent { agent, client in
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
        }
    }

    /// A full disk takes some records and a part of one. A reader sees the complete ones, which
    /// remain, and later records follow them.
    @Test("A log on a full disk holds whole records only")
    func fullDiskKeepsWholeRecords() async throws {
        // A small file system of its own needs root.
        guard getuid() == 0 else { return }
        let folder = try TemporaryFolder()
        try await withTmpfs(folder.path, size: "64k") {
            let path = folder.path + "/log"
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
    }
}
