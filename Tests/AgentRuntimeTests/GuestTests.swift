import AgentCore
@testable import AgentRuntime
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Guests of real QEMU, without hardware acceleration: hung, slow, and those that cannot be asked.
@Suite struct GuestTests {
    private let qemu = "qemu-system-x86_64 -accel tcg -m 16 -display none"

    /// Prints until the condition holds, so that the silence starts then, however long QEMU took to
    /// start.
    private func silent(once condition: String) -> String {
        "until \(condition); do echo not yet; sleep 0.2; done"
    }

    @Test("A hung guest is stopped, and its screen and console are kept")
    func hungGuestIsStopped() async throws {
        try await withAgent { agent, client in
            let sector = BootSectors.hanging(saying: "guest\u{1B}[1m is stuck\r\n")
            let template = try await agent.deliver(
                script: """
                    \(BootSectors.disk(sector, at: "disk.raw"))
                    \(qemu) -drive file=disk.raw,format=raw &
                    \(silent(once: "grep -q stuck $AIBUILD_GUESTS/*.serial"))
                    wait
                    """)
            let start = agent.start(
                template, limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 8))
            let ended = try await client.build(start)
            let fault = try #require(ended.fault)
            #expect(fault.code == .guestHung, "\(fault)")
            #expect(fault.class == .template)
            #expect(fault.reason.contains("printed nothing for 8 s and its guest hangs"))
            #expect(fault.reason.contains("0 B of disk and 0 B of network"))
            #expect(fault.reason.hasSuffix("screen and serial console are kept with the attempt"))

            let evidence = try #require(ended.finished.evidence)
            #expect(evidence.status == "running")
            #expect(evidence.diskBytes == 0)
            #expect(evidence.networkBytes == 0)
            #expect(evidence.serialTail == "guest\u{1B}[1m is stuck\r\n")
            #expect(evidence.notes.isEmpty)
            let png = try #require(evidence.screenshotPNG)
            // The text mode of a PC with text on it: a uniform screen compresses to less.
            #expect(png[16..<24].elementsEqual([0, 0, 2, 0xD0, 0, 0, 1, 0x90]))
            #expect(png.count > 2000)
            #expect(agent.processes(start.attempt).isEmpty)
            // All of it is in the durable result, and no copy is left beside it.
            let left = try Files.list(agent.state.attempt(start.attempt).root)
            #expect(!left.contains("guests") && !left.contains("shim"))
        }
    }

    /// Runs a silent build that ends when it has been found to be slow.
    private func passSlowly(
        _ agent: TestAgent, _ client: TestClient, _ template: TemplateArchive
    ) async throws -> TestClient.Followed {
        let start = agent.start(
            template, limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 8))
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "it is slow, not hung, and continues")
        try Files.replace(agent.state.attempt(start.attempt).work + "/go", with: [])
        let ended = try await client.follow(start.attempt)
        #expect(ended.finished.outcome.passed, "\(ended.finished.outcome)")
        return ended
    }

    @Test("A silent build continues while its guest writes to disk")
    func diskActivityExtendsSilence() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    \(BootSectors.disk(BootSectors.writing, at: "disk.raw"))
                    touch disk.old
                    \(qemu) -drive file=disk.raw,format=raw &
                    \(silent(once: "[ disk.raw -nt disk.old ]"))
                    while [ ! -e go ]; do sleep 0.1; done
                    kill $!
                    mv disk.raw $AIBUILD_OUTPUT/disk.raw
                    """)
            let ended = try await passSlowly(agent, client, template)
            #expect(ended.finished.evidence == nil)
        }
    }

    /// The firmware of a network card downloads a large file slowly and prints nothing.
    @Test("A silent build continues while its guest downloads")
    func networkActivityExtendsSilence() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    python3 - <<'END' &
                    import http.server, time
                    class Slow(http.server.BaseHTTPRequestHandler):
                        protocol_version = 'HTTP/1.1'
                        def log_message(self, *words): pass
                        def do_GET(self):
                            self.send_response(200)
                            self.send_header('Content-Length', str(64 << 20))
                            self.end_headers()
                            open('asked', 'w')
                            while True:
                                self.wfile.write(b'x' * 8192)
                                time.sleep(0.1)
                    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Slow)
                    open('port.new', 'w').write(str(server.server_port))
                    import os; os.rename('port.new', 'port')
                    server.serve_forever()
                    END
                    while [ ! -e port ]; do sleep 0.1; done
                    qemu-system-x86_64 -accel tcg -m 128 -display none -vnc none -boot n -nic \\
                        user,model=e1000,bootfile=http://10.0.2.2:$(cat port)/x &
                    \(silent(once: "[ -e asked ]"))
                    while [ ! -e go ]; do sleep 0.1; done
                    echo image > $AIBUILD_OUTPUT/disk.raw
                    """)
            let ended = try await passSlowly(agent, client, template)
            #expect(ended.texts.contains { $0.contains("0 B of disk and") }, "\(ended.log)")
        }
    }

    /// A build that exceeds its total time has a screen, too; with two guests, they are not mixed
    /// up.
    @Test("A build over its total time keeps the evidence of its newest guest")
    func totalTimeoutKeepsEvidence() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    \(BootSectors.disk(BootSectors.hanging(saying: "first"), at: "1.raw"))
                    \(BootSectors.disk(BootSectors.hanging(saying: "second"), at: "2.raw"))
                    \(qemu) -drive file=1.raw,format=raw &
                    until grep -q first $AIBUILD_GUESTS/*.serial; do sleep 0.1; done
                    \(qemu) -drive file=2.raw,format=raw &
                    while :; do sleep 0.5; echo alive; done
                    """)
            let ended = try await client.build(
                agent.start(template, limits: AttemptLimits(totalSeconds: 15, silenceSeconds: 300)))
            #expect(ended.fault?.code == .timeoutTotal)
            #expect(ended.fault?.reason.contains("kept with the attempt") == true)
            let evidence = try #require(ended.finished.evidence)
            #expect(evidence.serialTail == "second")
            #expect(evidence.screenshotPNG != nil)
        }
    }

    /// The console of a build that failed by itself is kept, too; and the state folder's path may
    /// be longer than that of a socket may be.
    @Test("A failed build keeps its console, however deep the state folder lies")
    func failedBuildKeepsConsole() async throws {
        try await withAgent(depth: 90) { agent, client in
            let sector = BootSectors.hanging(saying: "no root file system")
            let template = try await agent.deliver(
                script: """
                    \(BootSectors.disk(sector, at: "disk.raw"))
                    \(qemu) -drive file=disk.raw,format=raw &
                    until grep -q 'file system' $AIBUILD_GUESTS/*.serial; do sleep 0.1; done
                    test -S $AIBUILD_GUESTS/*.qmp && echo a socket
                    kill $!
                    exit 3
                    """)
            let start = agent.start(template)
            #expect(agent.state.attempt(start.attempt).guests.utf8.count > 107)
            let ended = try await client.build(start)
            #expect(ended.fault?.code == .commandFailed)
            #expect(ended.texts.contains("a socket"))
            #expect(ended.finished.evidence?.serialTail == "no root file system")
            #expect(ended.finished.evidence?.screenshot == nil)
        }
    }

    /// A console that never ends does not fill the host's disk, and its end stays readable.
    @Test("A long console is trimmed to its tail, and only plain files are read")
    func longConsoleIsTrimmed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/12.serial"
        let text = [UInt8](repeating: 0x61, count: 4 << 20) + Array("the end".utf8)
        try Files.replace(path, with: text)
        let guests = GuestFolder(path: folder.path)
        guests.trimConsoles()
        var info = stat()
        #expect(stat(path, &info) == 0)
        #expect(info.st_size == text.count)
        #expect(Int64(info.st_blocks) * 512 < 2 * AgentLimits.serialKeptBytes)
        #expect(guests.serialTail()?.hasSuffix("aathe end") == true)
        // Only plain files are opened.
        #expect(mkfifo(folder.path + "/13.serial", 0o600) == 0)
        #expect(symlink("/etc/passwd", folder.path + "/14.serial") == 0)
        #expect(guests.serialTail()?.hasSuffix("aathe end") == true)
    }

    @Test("A QEMU started by its path is named as not monitored")
    func qemuWithoutShimIsNamed() async throws {
        try await withAgent { agent, client in
            let sector = BootSectors.hanging(saying: "x")
            let path = try #require(
                Command.find("qemu-system-x86_64", path: AgentConfiguration().searchPath))
            let template = try await agent.deliver(
                script: """
                    \(BootSectors.disk(sector, at: "disk.raw"))
                    exec \(path) -accel tcg -m 16 -display none -drive file=disk.raw,format=raw
                    """)
            let ended = try await client.build(
                agent.start(template, limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 4)))
            #expect(ended.fault?.code == .timeoutSilence)
            #expect(ended.fault?.reason.contains("was not started by its plain name") == true)
        }
    }

    /// Whatever listens on the socket, the build is stopped without much delay.
    @Test(
        "A hostile control socket does not keep a build from being stopped",
        arguments: [
            // Accepts the connection and sends nothing.
            "time.sleep(1000)",
            "while True: c.sendall(b'{}{}[]nonsense\\n')",
            // A line without end.
            "while True: c.sendall(b'x' * 65536)",
            "c.close()",
            // Greets, then answers everything with one word.
            "c.sendall(b'{}\\n')\n        while c.recv(99): c.sendall(b'{\"return\":7}\\n')",
        ])
    func hostileSocketDoesNotDelayKill(behaviour: String) async throws {
        try await withAgent { agent, client in
            let script = """
                import os, socket, time
                s = socket.socket(socket.AF_UNIX)
                os.chdir(os.environ['AIBUILD_GUESTS'])
                s.bind('4711.qmp')
                s.listen(8)
                kept = []
                while True:
                    c, _ = s.accept()
                    kept.append(c)
                    try:
                        \(behaviour)
                    except OSError: pass
                """
            let template = try await agent.deliver(
                script: "exec python3 - <<'END'\n\(script)\nEND\n")
            let start = agent.start(
                template, limits: AttemptLimits(totalSeconds: 50, silenceSeconds: 2))
            let ended = try await client.build(start)
            #expect(ended.fault?.code == .timeoutSilence, "\(String(describing: ended.fault))")
            #expect(ended.finished.evidence?.screenshot == nil)
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    /// The shim is transparent to whoever starts QEMU: it dies with its parent, forwards signals
    /// and has QEMU's exit status; and it records that QEMU was killed.
    @Test("The shim passes on signals and exit status and records how QEMU exited")
    func shimProxiesQEMU() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    start() {
                        \(qemu) -S -pidfile pid & shim=$!
                        until [ -s pid ]; do sleep 0.1; done
                        qemu=$(cat pid); rm pid
                    }
                    ended() { wait $shim; echo "$1: $? $(cat $AIBUILD_GUESTS/$shim.end)"; }
                    start; kill -9 $qemu; ended killed
                    start; kill -SEGV $qemu; ended crashed
                    start; kill $shim; ended told
                    start; kill -9 $shim; ended shim
                    while readlink /proc/$qemu/exe; do sleep 0.1; done
                    echo "QEMU is gone, too"
                    start
                    echo "name: $(cat /proc/$shim/comm) $(tr -d '\\0' < /proc/$shim/cmdline)"
                    kill -9 $qemu
                    wait $shim
                    exit 3
                    """)
            let ended = try await client.build(agent.start(template))
            for line in [
                "killed: 137 signal 9", "crashed: 139 signal 11", "shim: 137 ", "QEMU is gone, too",
                "name: aibuild-agent aibuild-agent",
            ] {
                #expect(ended.texts.contains(line), "\(line): \(ended.log)")
            }
            // It exits by itself, or by the signal if it has not installed its handler yet.
            #expect(ended.texts.contains { ["told: 0 exit 0", "told: 143 "].contains($0) })
            // The build failed after one of its QEMUs was killed.
            #expect(ended.fault?.code == .buildKilled, "\(String(describing: ended.fault))")
        }
    }

    /// Packer kills the process that it started as soon as its connection to a dead guest breaks. A
    /// stopped keeper stands for a host that is too busy to record the exit before that.
    @Test(
        "A QEMU killed from outside is recorded although its caller kills the shim first",
        arguments: [
            ("kill -9 $qemu", FaultCode.buildKilled), ("kill -0 $qemu", .commandFailed),
            // Passed on to QEMU before others that are, and its end.
            ("kill -USR2 $keeper", .commandFailed),
        ])
    func exitIsRecordedAfterTheShim(deed: String, code: FaultCode) async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    \(qemu) -S -pidfile pid & shim=$!
                    until [ -s pid ]; do sleep 0.1; done
                    qemu=$(cat pid)
                    keeper=$(awk '/^PPid/ { print $2 }' /proc/$qemu/status)
                    kill -STOP $keeper
                    \(deed)
                    kill -9 $shim
                    kill -CONT $keeper
                    exit 3
                    """)
            let ended = try await client.build(agent.start(template))
            #expect(ended.fault?.code == code, "\(ended.log)")
        }
    }

    /// The shim is invisible to programs that only query QEMU.
    @Test("The shim does not change what an informational call prints")
    func shimIsTransparent() async throws {
        try await withAgent { agent, client in
            let template = try await agent.deliver(
                script: """
                    for words in -version --help '-machine help' '-accel help' '-device help'; do
                        qemu-system-x86_64 $words > by-shim 2>&1; a=$?
                        /usr/bin/qemu-system-x86_64 $words > itself 2>&1; b=$?
                        sed -i 's|/usr/bin/||g' by-shim itself
                        cmp by-shim itself && echo "same $a $b $words"
                    done
                    qemu-system-x86_64 -no-such-option; echo "wrong option: $?"
                    qemu-system-x86_64 -accel tcg -m 16 -display none -S -daemonize -pidfile pid
                    test "$(ls $AIBUILD_GUESTS | grep -c qmp)" = 1 && echo one socket
                    readlink /proc/$(cat pid)/exe
                    tr '\\0' ' ' < /proc/$(cat pid)/cmdline; echo
                    here=$(dirname $(command -v qemu-system-x86_64))
                    PATH=$here qemu-system-x86_64; echo "none: $?"
                    env -u AIBUILD_GUESTS qemu-system-x86_64 -version | head -1
                    """)
            let built = try await client.build(agent.start(template))
            for words in ["-version", "--help", "-machine help", "-accel help", "-device help"] {
                #expect(built.texts.contains("same 0 0 \(words)"), "\(built.log)")
            }
            #expect(built.texts.contains("wrong option: 1"))
            #expect(built.texts.contains("one socket"))
            #expect(built.texts.contains("/usr/bin/qemu-system-x86_64"))
            #expect(built.texts.contains { $0.contains("-pidfile pid -qmp unix:/proc/self/fd/") })
            #expect(built.texts.contains("none: 127"))
            #expect(built.texts.contains { $0.hasPrefix("QEMU emulator version") })
        }
    }
}
