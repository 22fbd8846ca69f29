import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

@Suite struct SpawnTests {
    private func shell(_ script: String, _ environment: [String: String] = [:]) -> Command {
        Command(
            ["/bin/sh", "-c", script],
            environment: Command.minimalEnvironment.merging(environment) { _, own in own })
    }

    @Test("An exit status and a signal are distinguished")
    func exitAndSignalDiffer() async throws {
        #expect(try await shell("exit 7").run(timeoutSeconds: 300).status == .exited(7))
        let killed = try await shell("kill -9 $$").run(timeoutSeconds: 300).status
        #expect(killed == .killed(signal: 9))
    }

    @Test("Standard input, output and error are separate")
    func streamsAreSeparate() async throws {
        let output = try await shell("echo out; echo err >&2; cat").run(
            stdin: Array("input".utf8), timeoutSeconds: 60)
        #expect(output.stdoutText == "out\ninput")
        #expect(output.stderrText == "err\n")
    }

    @Test("A child inherits no descriptor and no variable that is not named")
    func nothingElseIsInherited() async throws {
        let leak = try Descriptor("/dev/null", O_RDONLY)
        // Without close-on-exec, as a library might leave it.
        #expect(fcntl(leak.raw, F_SETFD, 0) == 0)
        let output = try await Command(
            ["/bin/ls", "/proc/self/fd"], environment: ["A": "1"]
        ).run(timeoutSeconds: 300)
        // The fourth is the folder that ls reads.
        #expect(output.stdoutText == "0\n1\n2\n3\n")
        let environment = try await Command(["/usr/bin/env"], environment: ["A": "1"])
            .run(timeoutSeconds: 300)
        #expect(environment.stdoutText == "A=1\n")
    }

    @Test("A child starts with no signal ignored or blocked")
    func signalsAreReset() async throws {
        Signals.ignore(SIGPIPE)
        let output = try await shell("grep -E '^Sig(Blk|Ign):' /proc/self/status")
            .run(timeoutSeconds: 300)
        #expect(output.stdoutText.split(separator: "\n").count == 2)
        for line in output.stdoutText.split(separator: "\n") {
            #expect(line.hasSuffix("\t0000000000000000"), "\(line)")
        }
    }

    @Test("Passed descriptors become 3, 4, … in order")
    func passedDescriptorsAreOrdered() throws {
        let folder = try TemporaryFolder()
        let first = try Descriptor(folder.path + "/a", O_RDWR | O_CREAT)
        let second = try Descriptor(folder.path + "/b", O_RDWR | O_CREAT)
        let child = try ChildProcess(
            shell("echo three >&3; echo four >&4"), passed: [first.raw, second.raw])
        _ = try Wait.readable([child.pidfd.raw], timeoutMilliseconds: 60_000)
        #expect(try child.reap() == .exited(0))
        #expect(try Files.read(folder.path + "/a", limitBytes: 100) == Array("three\n".utf8))
        #expect(try Files.read(folder.path + "/b", limitBytes: 100) == Array("four\n".utf8))
    }

    @Test("A child leads a process group, or a session on request")
    func groupOrSessionIsCreated() async throws {
        // pid, group and session of the shell itself
        let script = "cut -d' ' -f1,5,6 /proc/$$/stat"
        let group = try await shell(script).run(timeoutSeconds: 300).stdoutText
            .split(whereSeparator: \.isWhitespace)
        #expect(group.count == 3)
        #expect(group[0] == group[1])
        #expect(group[0] != group[2])
        var command = shell(script)
        command.isNewSession = true
        let session = try await command.run(timeoutSeconds: 300).stdoutText
            .split(whereSeparator: \.isWhitespace)
        #expect(session[0] == session[2])
    }

    @Test("A spawn error has errno and names the program")
    func spawnErrorsNameProgram() async throws {
        let folder = try TemporaryFolder()
        try Files.replace(folder.path + "/text", with: Array("no program".utf8), mode: 0o755)
        let cases: [([String], String?, Int32)] = [
            (["no-such-program"], nil, ENOENT),
            ([folder.path + "/text"], nil, ENOEXEC),
            (["./text"], folder.path, ENOEXEC),
            (["/bin/true"], folder.path + "/nowhere", ENOENT),
            (["/bin/echo", "a\0b"], nil, EINVAL),
            ([], nil, ENOENT),
        ]
        for (arguments, workFolder, code) in cases {
            let command = Command(
                arguments, environment: Command.minimalEnvironment, workFolder: workFolder)
            let error = await #expect(throws: SystemError.self) {
                try await command.run(timeoutSeconds: 300)
            }
            #expect(error?.errno == code, "\(arguments)")
            #expect(error.map { "\($0)" }?.contains("cannot run") == true)
        }
    }

    @Test("A command does not wait for its grandchildren")
    func grandchildrenAreNotAwaited() async throws {
        let started = Clocks.monotonicMilliseconds()
        let output = try await shell("sleep 100 & echo $!; exit 3").run(timeoutSeconds: 300)
        #expect(output.status == .exited(3))
        #expect(Clocks.monotonicMilliseconds() - started < 50_000)
        let grandchild = try #require(Int32(output.stdoutText.dropLast()))
        #expect(kill(grandchild, SIGKILL) == 0)
    }

    @Test("A command that exceeds its timeout is killed")
    func timeoutKills() async throws {
        let error = await #expect(throws: Failure.self) {
            try await shell("sleep 100").run(timeoutSeconds: 1)
        }
        #expect(error?.description.contains("longer than 1 s") == true)
    }

    @Test("A command that exceeds its output limit is killed")
    func outputLimitKills() async throws {
        let error = await #expect(throws: Failure.self) {
            try await shell("yes").run(timeoutSeconds: 300, outputLimitBytes: 10_000)
        }
        #expect(error?.description.contains("more than 10000 bytes") == true)
    }

    @Test("Cancelling the task kills the command")
    func cancellationKills() async throws {
        let folder = try TemporaryFolder()
        let mark = folder.path + "/started"
        let task = Task {
            try await shell("touch \(mark); sleep 100").run(timeoutSeconds: 300)
        }
        try await eventually("the command runs") { Files.exists(mark) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("Large input is delivered whole")
    func largeInputIsDelivered() async throws {
        let input = [UInt8](repeating: 0x61, count: 3 << 20)
        let output = try await shell("wc -c").run(stdin: input, timeoutSeconds: 300)
        #expect(output.stdoutText.contains("3145728"))
    }
}
