import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Faults during tests of an image, with real QEMU: how they are classified, and what is retried.
@Suite struct TestFaultTests {
    /// A folder of scripts that replace programs of the host.
    private func tools(_ scripts: [String: String]) throws -> TemporaryFolder {
        let tools = try TemporaryFolder()
        for (name, script) in scripts {
            try Files.replace("\(tools.path)/\(name)", with: Array(script.utf8), mode: 0o755)
        }
        return tools
    }

    private static let qemuImg = "#!/bin/sh\nexec /usr/bin/qemu-img \"$@\"\n"

    // MARK: Shutting down

    private func deafGuest(_ limit: Int) -> TestPlan {
        TestPlan(
            login: GuestLogin(user: "root", method: .password, path: "password"),
            bootSeconds: 240, firmware: .uefi,
            cases: [PlannedTest(name: "off", kind: .shutdown, limitSeconds: limit)])
    }

    @Test("A guest that ignores its power button fails the shutdown case")
    func ignoredPowerButtonFails() async throws {
        let image = try await MiniLinux.shared.imageForUEFI(isDeaf: true)
        try await withAgent("accelerator: tcg\n") { agent, client in
            let start = try await agent.start(
                deafGuest(3), image: image, files: ["password": "build\n"])
            let tested = try await client.build(start)
            #expect(tested.fault?.code == .testFailed)
            #expect(
                tested.fault?.reason.contains(
                    "'off': the guest did not shut down within 3 s after its ACPI power button")
                    == true,
                "\(tested.log)")
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    /// As on a host that is out of memory: QEMU did exit, which says nothing about the image.
    @Test("QEMU killed while its guest shuts down is an infrastructure fault")
    func killedDuringShutdown() async throws {
        let image = try await MiniLinux.shared.imageForUEFI(isDeaf: true)
        try await withAgent("accelerator: tcg\n") { agent, client in
            let start = try await agent.start(
                deafGuest(600), image: image, files: ["password": "build\n"])
            try await client.send(.start(start))
            guard case .phase = try await client.answer() else { throw Failure("it was refused") }
            try await client.follow(start.attempt, until: "pressed the guest's power button")
            let qemu = running(agent, start.attempt, QEMUShim.isQEMU)
            kill(try #require(qemu), SIGKILL)
            let tested = try await client.follow(start.attempt)
            #expect(tested.fault?.class == .infrastructure && tested.fault?.code == .buildKilled)
            #expect(tested.finished.tests?.isEmpty ?? true, "nothing is judged")
        }
    }

    // MARK: Coming up

    /// The SSH client is a fake with which the first two logins fail.
    @Test("A login with the template's private key is retried until it works")
    func loginIsRetried() async throws {
        let image = try await MiniLinux.shared.image()
        let notes = try TemporaryFolder()
        let ssh = """
            #!/bin/sh
            while [ "$1" != -i ]; do shift; done
            stat -c %a "$2" >>\(notes.path)/modes
            cat "$2" >\(notes.path)/key
            [ "$(wc -l <\(notes.path)/modes)" -gt 2 ]

            """
        let tools = try tools(["ssh": ssh, "qemu-img": Self.qemuImg])
        try await withAgent("accelerator: tcg\nisolation: none\nqemu_img: \(tools.path)/qemu-img\n")
        {
            agent, client in
            let plan = TestPlan(
                login: GuestLogin(user: "root", method: .key, path: "tests/key"), bootSeconds: 180,
                cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: 180)])
            let tested = try await client.build(
                try await agent.start(plan, image: image, files: ["tests/key": "a private key\n"]))
            #expect(tested.fault == nil, "\(tested.log)")
            let modes = try Files.read(notes.path + "/modes", limitBytes: 99)
            #expect(String(decoding: modes, as: UTF8.self) == "600\n600\n600\n")
            let key = try Files.read(notes.path + "/key", limitBytes: 99)
            #expect(String(decoding: key, as: UTF8.self) == "a private key\n")
        }
    }

    /// QEMU prints this for a port that another program took after the agent had found it free.
    @Test("A port lost to another program is replaced by the next one")
    func portRaceTriesNextPort() async throws {
        let image = try await MiniLinux.shared.image()
        let notes = try TemporaryFolder()
        let qemu = """
            #!/bin/sh
            echo "$*" >>\(notes.path)/tries
            if [ "$(wc -l <\(notes.path)/tries)" -eq 1 ]; then
                echo "qemu-system-x86_64: Could not set up host forwarding rule 'tcp'" >&2
                exit 1
            fi
            exec /usr/bin/qemu-system-x86_64 "$@"

            """
        let tools = try tools(["qemu-system-x86_64": qemu])
        try await withAgent(
            "accelerator: tcg\nisolation: none\nqemu_system: \(tools.path)/qemu-system-x86_64\n"
        ) {
            agent, client in
            // The daemon asks for its version.
            try Files.remove(notes.path + "/tries")
            let plan = TestPlan(
                bootSeconds: 180,
                cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: 180)])
            let tested = try await client.build(try await agent.start(plan, image: image))
            #expect(tested.fault == nil, "\(tested.log)")
            let tries = try Files.read(notes.path + "/tries", limitBytes: 1 << 16)
            let ports = String(decoding: tries, as: UTF8.self).split(separator: "\n").map { line in
                line.split(separator: "hostfwd=").last?.prefix { $0 != " " } ?? ""
            }
            #expect(ports.count == 2 && ports[0] != ports[1], "\(ports)")
        }
    }

    /// WinRM is such a server. This one answers instead of the guest.
    @Test("A server that waits for its client to send first counts as up")
    func serverThatWaitsIsProbed() async throws {
        let tools = try tools([
            "qemu-system-x86_64": """
            #!/bin/sh
            port=
            for word in "$@"; do
                shift
                case "$word" in
                user,id=net,hostfwd=*)
                    port=${word#*127.0.0.1:}
                    word=user,id=net
                    ;;
                esac
                set -- "$@" "$word"
            done
            if [ -n "$port" ]; then
                python3 -m http.server --bind 127.0.0.1 "${port%%-*}" &
            fi
            exec /usr/bin/qemu-system-x86_64 "$@"

            """
        ])
        try await withAgent("accelerator: tcg\nqemu_system: \(tools.path)/qemu-system-x86_64\n") {
            agent, client in
            let start = try await agent.start(hangingGuest(60), image: try hangingImage(agent))
            let tested = try await client.build(start)
            #expect(tested.fault == nil, "\(tested.log)")
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    // MARK: Faults during a test case

    private func hangingImage(_ agent: TestAgent) throws -> String {
        let image = agent.folder.path + "/hangs.img"
        let rest = [UInt8](repeating: 0, count: (1 << 20) - 512)
        try Files.replace(image, with: BootSectors.hanging(saying: "no system") + rest)
        return image
    }

    private func hangingGuest(_ limit: Int) -> TestPlan {
        TestPlan(
            imageFormat: .raw,
            cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: limit)])
    }

    private func running(
        _ agent: TestAgent, _ token: AttemptToken, _ isWanted: (String) -> Bool
    ) -> Int32? {
        agent.processes(token).first { pid in
            isWanted(Files.name(of: Links.target("/proc/\(pid)/exe")))
        }
    }

    /// The script fails first; QEMU's exit status is known a moment later and explains it.
    @Test("QEMU killed during a script is an infrastructure fault, though the script failed first")
    func killedDuringScript() async throws {
        let image = try await MiniLinux.shared.image()
        try await withAgent("accelerator: tcg\n") { agent, client in
            let plan = TestPlan(
                login: GuestLogin(user: "root", method: .cloudInit), bootSeconds: 180,
                cases: [
                    PlannedTest(
                        name: "long", kind: .script, limitSeconds: 600,
                        text: "#!/bin/sh\necho begun\nexec sleep 600\n")
                ])
            let start = try await agent.start(plan, image: image)
            let token = start.attempt
            try await client.send(.start(start))
            guard case .phase = try await client.answer() else { throw Failure("it was refused") }
            try await client.follow(token, until: "begun")
            let qemu = try #require(running(agent, token, QEMUShim.isQEMU))
            // Its parent process is stopped, so that it cannot report at once.
            let shim = try #require(ProcessTable.all().first { $0.pid == qemu }?.parent)
            kill(shim, SIGSTOP)
            kill(qemu, SIGKILL)
            try await eventually("the SSH client has ended") {
                running(agent, token) { $0 == "ssh" } == nil
            }
            kill(shim, SIGCONT)
            let tested = try await client.follow(token)
            #expect(tested.fault?.class == .infrastructure, "\(tested.log)")
            #expect(tested.fault?.code == .buildKilled)
            #expect(tested.finished.tests?.isEmpty ?? true, "nothing is judged")
        }
    }

    @Test("A killed test process is an infrastructure fault and leaves no guest")
    func killedCaseProcess() async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let start = try await agent.start(hangingGuest(600), image: try hangingImage(agent))
            try await client.send(.start(start))
            try await eventually("QEMU runs") {
                running(agent, start.attempt, QEMUShim.isQEMU) != nil
            }
            let test = agent.processes(start.attempt).first { pid in
                let words = try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 16)
                let second = words?.split(separator: 0).dropFirst().first
                return second.map { Array($0) } == Array("test".utf8)
            }
            kill(try #require(test), SIGKILL)
            let tested = try await client.follow(start.attempt)
            #expect(tested.fault?.class == .infrastructure && tested.fault?.code == .buildKilled)
            #expect(tested.fault?.reason.contains("the test case 'boots' ended with") == true)
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    @Test("An overlay that finds no room is a full disk of the host")
    func noRoomForOverlay() async throws {
        let tools = try tools([
            "qemu-img": "#!/bin/sh\necho 'qemu-img: x: No space left on device' >&2\nexit 1\n"
        ])
        try await withAgent("accelerator: tcg\nqemu_img: \(tools.path)/qemu-img\n") {
            agent, client in
            let tested = try await client.build(
                try await agent.start(hangingGuest(3), image: try hangingImage(agent)))
            #expect(tested.fault?.class == .infrastructure && tested.fault?.code == .diskFull)
        }
    }

    /// A guest that does not come up on this host might on another.
    @Test("A test that fails while the host's disk is full is an infrastructure fault")
    func fullDiskDuringTest() async throws {
        // A small file system of its own needs root.
        guard getuid() == 0 else { return }
        let tools = try tools([
            "qemu-img": """
            #!/bin/sh
            for overlay in "$@"; do :; done
            free=$(df -m --output=avail "${overlay%/*}" | tail -n 1)
            dd if=/dev/zero of="${overlay%/*}/others" bs=1M count=$((free - 20)) || exit 9
            exec /usr/bin/qemu-img "$@"

            """
        ])
        let agent = try TestAgent("accelerator: tcg\nqemu_img: \(tools.path)/qemu-img\n")
        var fault: Fault?
        try await withTmpfs(agent.state.root, size: "300m") {
            try await agent.serve {
                let client = try await agent.connect()
                fault = try await client.build(
                    try await agent.start(hangingGuest(3), image: try hangingImage(agent))
                ).fault
            }
        }
        #expect(fault?.class == .infrastructure && fault?.code == .diskFull)
        #expect(fault?.reason.contains("was full while the image was tested") == true)
    }
}
