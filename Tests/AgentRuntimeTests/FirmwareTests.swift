import AgentCore
import BuildProtocol
import ProcessKit
import Support
import TestSupport
import Testing

/// Guests that boot with UEFI: real QEMU, real OVMF.
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

    @Test("A guest boots by the host's OVMF without changing its files")
    func uefiGuestBoots() async throws {
        let image = try await MiniLinux.shared.imageForUEFI()
        let variables = "/usr/share/OVMF/OVMF_VARS_4M.fd"
        let before = try SHA256.file(variables)
        try await withAgent("accelerator: tcg\n") { agent, client in
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
        }
    }

    /// The firmware's variables of one boot are not part of the image.
    @Test("Each boot starts with fresh UEFI variables")
    func eachBootHasFreshVariables() async throws {
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
        try await withAgent("accelerator: tcg\nisolation: none\nqemu_system: \(program)\n") {
            agent, client in
            let tested = try await client.build(
                try await start(
                    agent, .uefi, image: image,
                    [PlannedTest(name: "twice", kind: .bootRepeated, limitSeconds: 240, times: 2)]))
            #expect(tested.fault == nil, "\(tested.log)")
            let sums = try Files.read(tools.path + "/sums", limitBytes: 1 << 10)
            let host = try SHA256.file("/usr/share/OVMF/OVMF_VARS_4M.fd")
            let line = host + "  -\n"
            #expect(String(decoding: sums, as: UTF8.self) == line + line)
        }
    }

    /// The same disk with a BIOS: the firmware made the difference above.
    @Test("A UEFI image does not boot by BIOS")
    func uefiImageFailsOnBIOS() async throws {
        let image = try await MiniLinux.shared.imageForUEFI()
        try await withAgent("accelerator: tcg\n") { agent, client in
            let tested = try await client.build(
                try await start(
                    agent, nil, image: image,
                    [PlannedTest(name: "boots", kind: .boot, limitSeconds: 5)]))
            #expect(tested.fault?.code == .testFailed)
            #expect(tested.fault?.reason.contains("did not come up within 5 s") == true)
        }
    }

    @Test("A host without OVMF refuses a UEFI test and says what to install")
    func missingOVMFIsRefused() async throws {
        try await withAgent("accelerator: tcg\novmf_folder: /nowhere\n") { agent, client in
            let image = agent.folder.path + "/x.qcow2"
            try Files.replace(image, with: [1])
            let boots = [PlannedTest(name: "boots", kind: .boot, limitSeconds: 3)]
            try await client.send(.start(try await start(agent, .uefi, image: image, boots)))
            guard case .error(let error) = try await client.answer() else {
                throw Failure("it was not refused")
            }
            // Refused without a verdict: another host may take it.
            #expect(error.code == .refused)
            #expect(error.message.contains("/nowhere/OVMF_CODE_4M.fd"), "\(error.message)")
            #expect(error.message.contains("install the package ovmf"), "\(error.message)")
        }
    }

    @Test(
        "A host reports whether it can boot by UEFI",
        arguments: [("/nowhere", false), ("/usr/share/OVMF", true)])
    func hostReportsUEFI(folder: String, isAble: Bool) async throws {
        try await withAgent("accelerator: tcg\novmf_folder: \(folder)\n") { agent in
            let client = try await TestClient(agent.state.socket)
            let abilities = try await client.greet().host.testAbilities
            #expect(abilities?.contains("uefi") == isAble)
        }
    }
}
