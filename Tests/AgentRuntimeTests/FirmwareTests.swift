import AgentCore
import BuildProtocol
import ProcessKit
import Support
import TestSupport
import Testing

/// Guests that boot by UEFI: real QEMU, real OVMF.
@Suite struct FirmwareTests {
    private func start(
        _ agent: TestAgent, _ firmware: GuestFirmware?, image: String, boot seconds: Int = 240,
        _ cases: [PlannedTest]
    ) async throws -> Start {
        let plan = TestPlan(
            login: GuestLogin(user: "root", method: .password, path: "password"),
            bootSeconds: seconds, firmware: firmware, cases: cases)
        return try await agent.start(plan, image: image, files: ["password": "build\n"])
    }

    @Test func aGuestBootsByTheHostsOVMFAndLeavesItAsItIs() async throws {
        let image = try await MiniLinux.shared.imageForUEFI()
        let variables = "/usr/share/OVMF/OVMF_VARS_4M.fd"
        let before = try SHA256.file(variables)
        let agent = try TestAgent("accelerator: tcg\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let tested = try await client.build(
            try await start(
                agent, .uefi, image: image,
                [
                    PlannedTest(
                        name: "firmware", kind: .script, limitSeconds: 60,
                        text: "#!/bin/sh\ntest -d /sys/firmware/efi && echo booted by UEFI\n")
                ]))
        #expect(tested.fault == nil, "\(tested.log)")
        #expect(tested.texts.contains("booted by UEFI"), "the guest's own word")
        #expect(try SHA256.file(variables) == before, "the host's file is the next guest's")
        #expect(agent.processes(tested.finished.attempt).isEmpty)
        _ = daemon.pid
    }

    /// What the firmware remembers of one boot would be no part of the image in the next.
    @Test func eachBootBeginsWithTheHostsVariables() async throws {
        let image = try await MiniLinux.shared.imageForUEFI()
        let tools = try TemporaryFolder()
        let qemu = """
            #!/bin/sh
            for word in "$@"; do
                case "$word" in
                *unit=1,*) sha256sum <"${word##*file=}" >>\(tools.path)/sums ;;
                esac
            done
            exec /usr/bin/qemu-system-x86_64 "$@"

            """
        let program = tools.path + "/qemu-system-x86_64"
        try Files.replace(program, with: Array(qemu.utf8), mode: 0o755)
        let agent = try TestAgent("accelerator: tcg\nqemu_system: \(program)\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let tested = try await client.build(
            try await start(
                agent, .uefi, image: image,
                [PlannedTest(name: "twice", kind: .bootRepeated, limitSeconds: 240, times: 2)]))
        #expect(tested.fault == nil, "\(tested.log)")
        let sums = try Files.read(tools.path + "/sums", limitBytes: 1 << 10)
        let host = try SHA256.file("/usr/share/OVMF/OVMF_VARS_4M.fd")
        let line = host + "  -\n"
        #expect(String(decoding: sums, as: UTF8.self) == line + line)
        _ = daemon.pid
    }

    /// What a BIOS makes of the same disk: the firmware is what made the difference above.
    @Test func theSameImageDoesNotBootByABIOS() async throws {
        let image = try await MiniLinux.shared.imageForUEFI()
        let agent = try TestAgent("accelerator: tcg\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let tested = try await client.build(
            try await start(
                agent, nil, image: image,
                [PlannedTest(name: "boots", kind: .boot, limitSeconds: 5)]))
        #expect(tested.fault?.code == .testFailed)
        #expect(tested.fault?.reason.contains("did not come up within 5 s") == true)
        _ = daemon.pid
    }

    @Test func aHostWithoutOVMFTakesNoSuchTestAndSaysWhatToInstall() async throws {
        let agent = try TestAgent("accelerator: tcg\novmf_folder: /nowhere\n")
        let daemon = try await agent.startDaemon()
        let client = try await agent.connect()
        let image = agent.folder.path + "/x.qcow2"
        try Files.replace(image, with: [1])
        let boots = [PlannedTest(name: "boots", kind: .boot, limitSeconds: 3)]
        try await client.send(.start(try await start(agent, .uefi, image: image, boots)))
        guard case .error(let error) = try await client.answer() else {
            throw Failure("it was not refused")
        }
        // Refused, and no verdict: another host may take it.
        #expect(error.code == .refused)
        #expect(error.message.contains("/nowhere/OVMF_CODE_4M.fd"), "\(error.message)")
        #expect(error.message.contains("install the package ovmf"), "\(error.message)")
        _ = daemon.pid
    }

    @Test(arguments: [
        ("/nowhere", ["program-text"]), ("/usr/share/OVMF", ["program-text", "uefi"]),
    ])
    func aHostSaysWhetherItCan(folder: String, abilities: [String]) async throws {
        let agent = try TestAgent("accelerator: tcg\novmf_folder: \(folder)\n")
        let daemon = try await agent.startDaemon()
        let client = try await TestClient(agent.state.socket)
        #expect(try await client.greet().host.testAbilities == abilities)
        _ = daemon.pid
    }
}
