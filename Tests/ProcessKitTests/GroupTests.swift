import Glibc
@testable import ProcessKit
import Support
import TestSupport
import Testing

@Suite struct GroupTests {
    @Test(
        "The cgroup folder is found on version 2, hybrid and container mounts",
        arguments: [
            // systemd, version 2 only
            (
                "0::/system.slice/aibuild-agent.service\n",
                "24 1 0:22 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n",
                "/sys/fs/cgroup/system.slice/aibuild-agent.service"
            ),
            // hybrid: the version 2 tree has no controllers
            (
                "4:memory:/x\n0::/\n",
                "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                    + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
                "/sys/fs/cgroup/unified"
            ),
            // a container that sees only its own subtree
            (
                "0::/docker/abc/build\n",
                "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
                "/sys/fs/cgroup/build"
            ),
            // version 1 only
            ("4:memory:/x\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup cgroup rw,memory\n", nil),
            (
                "0::/other\n", "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n", nil
            ),
        ])
    func cgroupFolderIsFound(groups: String, mounts: String, folder: String?) {
        #expect(DelegatedGroup.folder(groups: groups, mounts: mounts) == folder)
    }

    /// A folder with the files of a group: what a kernel does with them is tested in a guest, by
    /// the tests of the agent.
    private func delegated(
        controllers: String, processes: String,
        _ body: (DelegatedGroup, _ path: String) throws
            -> Void
    ) throws {
        let folder = try TemporaryFolder()
        for (name, text) in [
            ("cgroup.controllers", controllers), ("cgroup.procs", processes),
            ("cgroup.subtree_control", ""),
        ] { try Files.replace("\(folder.path)/\(name)", with: Array(text.utf8)) }
        try body(DelegatedGroup(folder: folder.path), folder.path)
    }

    @Test("Only a group with a memory controller is taken over")
    func takeOverIsRefused() throws {
        let own = "\(getpid())\n"
        try delegated(controllers: "cpu pids\n", processes: own) { group, path in
            let reason = try #require(group.takeOver())
            #expect(reason.contains("\(path) has no memory controller"))
            #expect(!Files.exists("\(path)/aibuild-agent"))
        }
        try delegated(controllers: "cpu memory pids\n", processes: own) { group, path in
            #expect(group.takeOver() == nil)
            #expect(Files.exists("\(path)/aibuild-agent"))
        }
    }

    @Test("Killing a control group reaches processes in other sessions")
    func killReachesOtherSessions() async throws {
        // On a host without a writable tree there is nothing to test here; the sweep is tested
        // with the supervisor.
        guard let group = ControlGroup.make(named: "aibuild-test-\(getpid())") else { return }
        defer { group.remove() }
        let folder = try TemporaryFolder()
        let script = "setsid sleep 1000 & echo $! >\(folder.path)/pid; wait"
        let child = try ChildProcess(
            Command(["/bin/sh", "-c", script], environment: Command.minimalEnvironment),
            group: group)
        try await eventually("the child runs") { Files.sizeBytes(folder.path + "/pid") ?? 0 > 0 }
        #expect(!group.isEmpty)
        group.kill()
        _ = try Wait.readable([child.pidfd.raw], timeoutMilliseconds: 60_000)
        #expect(try child.reap() == .killed(signal: 9))
        try await eventually("the group is empty") { group.isEmpty }
        group.remove()
        #expect(!Files.exists(group.folder))
    }
}

@Suite struct ProcessTableTests {
    @Test(
        "/proc/PID/stat parses with any process name",
        arguments: [
            ("12 (sh) S 1 12 12 0", 1, false), ("12 (a) b) (c) Z 34 1 1", 34, true),
        ])
    func statParses(text: String, parent: Int32, isZombie: Bool) throws {
        let entry = try #require(ProcessTable.parse(stat: Array(text.utf8), pid: 12))
        #expect(entry.parent == parent)
        #expect(entry.isZombie == isZombie)
    }

    @Test("A process is killed only if it carries the given variable")
    func killChecksVariable() async throws {
        let value = "\(getpid())-\(UInt64.random(in: .min ... .max))"
        let command = Command(["/bin/sleep", "1000"], environment: ["AIB_TEST_MARK": value])
        let child = try ChildProcess(command)
        // For a moment within exec a process shows no environment.
        let pid = child.pid
        try await eventually("the variable is visible") {
            ProcessTable.withVariable("AIB_TEST_MARK") { $0 == value }.map(\.pid) == [pid]
        }
        ProcessTable.kill(child.pid, withVariable: "AIB_TEST_MARK", "another")
        #expect(try child.reap() == nil)
        ProcessTable.kill(child.pid, withVariable: "AIB_TEST_MARK", value)
        _ = try Wait.readable([child.pidfd.raw], timeoutMilliseconds: 60_000)
        #expect(try child.reap() == .killed(signal: 9))
    }
}

@Suite struct LockTests {
    @Test("A lock is held by the child that inherited it")
    func lockOutlivesParent() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/lock"
        let child = try holder(of: path)
        // This process has closed its own descriptor.
        #expect(FileLock.isHeld(path))
        #expect(try !canTake(path))
        kill(child.pid, SIGKILL)
        _ = try Wait.readable([child.pidfd.raw], timeoutMilliseconds: 60_000)
        _ = try child.reap()
        // Programs that other tests start at this moment hold it until they are executed.
        try await eventually("the lock is free") { !FileLock.isHeld(path) }
    }

    private func canTake(_ path: String) throws -> Bool {
        if let lock = try FileLock.tryTake(path) {
            _ = consume lock
            return true
        }
        return false
    }

    private func holder(of path: String) throws -> ChildProcess {
        guard let lock = try FileLock.tryTake(path) else { throw Failure("\(path) is held") }
        try lock.recordHolder()
        #expect(FileLock.holder(path) == getpid())
        return try ChildProcess(
            Command(["/bin/sleep", "1000"], environment: [:]), passed: [lock.descriptor.raw])
    }

    @Test("A missing file is not locked and has no holder")
    func missingFileIsUnlocked() throws {
        let folder = try TemporaryFolder()
        #expect(!FileLock.isHeld(folder.path + "/lock"))
        #expect(FileLock.holder(folder.path + "/lock") == nil)
    }
}

@Suite struct WatchTests {
    @Test("A folder watch reports which folder changed")
    func watchNamesFolder() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try Files.makeFolder(folder.path + "/" + name) }
        let watch = try FolderWatch()
        let first = try watch.add(folder.path + "/a")
        let second = try watch.add(folder.path + "/b")
        #expect(try watch.takeEvents() == [])
        try Files.replace(folder.path + "/b/file", with: [1, 2, 3])
        #expect(try Wait.readable([watch.descriptor.raw], timeoutMilliseconds: 60_000) == [true])
        #expect(try watch.takeEvents() == [second])
        watch.remove(second)
        _ = try watch.takeEvents()
        try Files.replace(folder.path + "/b/file", with: [1])
        try Files.replace(folder.path + "/a/file", with: [1])
        #expect(try watch.takeEvents() == [first])
    }
}

@Suite struct PipeTests {
    @Test("Reading a pipe does not block") func pipeReadDoesNotBlock() throws {
        var pipe = try Pipe()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
        defer { buffer.deallocate() }
        #expect(try pipe.read(into: buffer) == .nothingYet)
        #expect(write(pipe.writeDescriptor, "abc", 3) == 3)
        #expect(try pipe.read(into: buffer) == .bytes(3))
        pipe.closeWriteEnd()
        #expect(try pipe.read(into: buffer) == .end)
    }
}
