import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// What goes wrong while an image is tested, with real QEMU: whose fault it is, and what is tried
/// again.
@Suite struct TestFaultTests {
    private func start(
        _ agent: TestAgent, _ plan: TestPlan, image: String, files: [String: String] = [:]
    ) async throws -> Start {
        var tar = TarFile()
        tar.add("aibuild.yml", "", mode: 0o644)
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            tar.add(name, text, mode: 0o644)
        }
        var start = agent.start(
            try await agent.deliver(tar.archive), .test(plan),
            baseImage: BaseImage(url: "file://" + image, sha256: try SHA256.file(image)),
            limits: AttemptLimits(totalSeconds: 900, silenceSeconds: 900))
        start.requirements.memoryBytes = 512 << 20
        return start
    }

    /// Programs that stand before the host's own.
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

    @Test func aGuestThatDoesNotMindItsPowerButtonFails() async throws {
        let image = try await MiniLinux.shared.imageForUEFI(isDeaf: true)
        let agent = try TestAgent("accelerator: tcg\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let start = try await start(
            agent, deafGuest(3), image: image, files: ["password": "build\n"])
        let tested = try await client.build(start)
        #expect(tested.fault?.code == .testFailed)
        #expect(
            tested.fault?.reason.contains(
                "'off': the guest did not shut down within 3 s after its power button") == true,
            "\(tested.log)")
        #expect(agent.processes(start.attempt).isEmpty)
        _ = daemon.pid
    }

    /// As by a host that is out of memory: it did end, and says nothing about the image.
    @Test func aQEMUThatIsKilledWhileItsGuestShutsDownIsTheHostsFault() async throws {
        let image = try await MiniLinux.shared.imageForUEFI(isDeaf: true)
        let agent = try TestAgent("accelerator: tcg\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let start = try await start(
            agent, deafGuest(600), image: image, files: ["password": "build\n"])
        try await client.send(.start(start))
        guard case .phase = try await client.answer() else { throw Failure("it was refused") }
        try await client.follow(start.attempt, until: "pressing the guest's power button")
        let emulator = agent.processes(start.attempt).first { pid in
            EmulatorShim.isEmulator(Files.name(of: Links.target("/proc/\(pid)/exe")))
        }
        kill(try #require(emulator), SIGKILL)
        let tested = try await client.follow(start.attempt)
        #expect(tested.fault?.class == .infrastructure && tested.fault?.code == .buildKilled)
        #expect(tested.finished.tests?.isEmpty ?? true, "nothing is judged")
        _ = daemon.pid
    }

    // MARK: Coming up

    /// The SSH client is one of the test's own: the first two times nobody can log in yet.
    @Test func aLoginIsTriedUntilItWorksWithTheTemplatesKey() async throws {
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
        let agent = try TestAgent("accelerator: tcg\nqemu_img: \(tools.path)/qemu-img\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let plan = TestPlan(
            login: GuestLogin(user: "root", method: .key, path: "tests/key"), bootSeconds: 180,
            cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: 180)])
        let tested = try await client.build(
            try await start(agent, plan, image: image, files: ["tests/key": "a private key\n"]))
        #expect(tested.fault == nil, "\(tested.log)")
        let modes = try Files.read(notes.path + "/modes", limitBytes: 99)
        #expect(String(decoding: modes, as: UTF8.self) == "600\n600\n600\n")
        let key = try Files.read(notes.path + "/key", limitBytes: 99)
        #expect(String(decoding: key, as: UTF8.self) == "a private key\n")
        _ = daemon.pid
    }

    /// QEMU says so of a port that somebody else took since it was looked for.
    @Test func aPortThatWasTakenMeanwhileIsNotTheEnd() async throws {
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
        let agent = try TestAgent(
            "accelerator: tcg\nqemu_system: \(tools.path)/qemu-system-x86_64\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        // The daemon asks it for its version.
        try Files.remove(notes.path + "/tries")
        let plan = TestPlan(
            bootSeconds: 180, cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: 180)])
        let tested = try await client.build(try await start(agent, plan, image: image))
        #expect(tested.fault == nil, "\(tested.log)")
        let tries = try Files.read(notes.path + "/tries", limitBytes: 1 << 16)
        let ports = String(decoding: tries, as: UTF8.self).split(separator: "\n").map { line in
            line.split(separator: "hostfwd=").last?.prefix { $0 != " " } ?? ""
        }
        #expect(ports.count == 2 && ports[0] != ports[1], "\(ports)")
        _ = daemon.pid
    }
}
