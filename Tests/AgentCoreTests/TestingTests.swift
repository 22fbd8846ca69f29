import AgentCore
import BuildProtocol
import Testing

/// The input of a test case for QEMU, SSH and cloud-init.
@Suite struct TestingTests {
    private var machine: TestMachine {
        TestMachine(
            accelerator: .tcg, vcpus: 2, memoryBytes: 512 << 20, disk: .virtio, network: .virtio,
            overlay: "/a,b/o.qcow2", seed: nil, hostPort: 20_001, guestPort: 22)
    }

    @Test("QEMU gets the overlay and a loopback port")
    func qemuGetsOverlayAndPort() {
        let arguments = machine.arguments.joined(separator: " ")
        #expect(arguments.contains("file=/a,,b/o.qcow2,format=qcow2"), "a comma stands as two")
        #expect(arguments.contains("hostfwd=tcp:127.0.0.1:20001-:22"), "nobody else can reach it")
        #expect(arguments.contains("-machine pc,accel=tcg") && arguments.contains("-m 512"))
        #expect(arguments.contains("virtio-blk-pci,drive=image"))
        #expect(!arguments.contains("cdrom"))
        #expect(arguments.contains(",restrict=on"), "the guest reaches nothing")
        var online = machine
        online.isOnline = true
        #expect(online.arguments.joined(separator: " ").contains(",restrict=off"))
        // With these, the shim would add no serial console.
        for word in ["-serial", "-nographic", "-nodefaults"] { #expect(!arguments.contains(word)) }
    }

    @Test("Disk, network, seed and accelerator select QEMU's devices")
    func hardwareSelectsDevices() {
        var machine = machine
        machine.disk = .ide
        machine.network = .e1000
        machine.seed = "/s.iso"
        machine.accelerator = .kvm
        let arguments = machine.arguments.joined(separator: " ")
        #expect(arguments.contains("ide-hd,drive=image") && arguments.contains("e1000,netdev=net"))
        #expect(arguments.contains("file=/s.iso,format=raw,readonly=on,media=cdrom"))
        #expect(arguments.contains("-cpu host"))
    }

    @Test("UEFI uses the host's code read-only and variables of its own")
    func uefiUsesOwnVariables() {
        var machine = machine
        #expect(!machine.arguments.joined(separator: " ").contains("pflash"))
        machine.firmware = UEFIFirmware(code: "/o,vmf/CODE.fd", variables: "/t/variables")
        let arguments = machine.arguments.joined(separator: " ")
        #expect(arguments.contains("if=pflash,unit=0,format=raw,readonly=on,file=/o,,vmf/CODE.fd"))
        #expect(arguments.contains("if=pflash,unit=1,format=raw,file=/t/variables"))
    }

    @Test("The image is only the backing file of the overlay")
    func imageIsBackingFile() {
        let arguments = TestMachine.overlayArguments(
            qemuImg: "qemu-img", image: "/i.vhd", format: .vhd, overlay: "/o.qcow2")
        #expect(
            arguments == [
                "qemu-img", "create", "-q", "-f", "qcow2", "-F", "vpc", "-b", "/i.vhd", "/o.qcow2",
            ])
    }

    @Test("QEMU gets every format by QEMU's name, and never guesses one")
    func qemuNames() {
        let names = ImageFormat.allCases.map { format in
            TestMachine.overlayArguments(
                qemuImg: "q", image: "i", format: format, overlay: "o")[6]
        }
        #expect(names == ["qcow2", "raw", "raw", "vmdk", "vdi", "vpc", "vhdx", "raw"])
    }

    @Test("SSH into a guest ignores the host's own configuration")
    func sshIgnoresHostConfiguration() {
        let key = GuestSSH.arguments(user: "root", port: 9, key: "/k", command: "exit 0")
        #expect(key.prefix(3) == ["ssh", "-F", "/dev/null"])
        #expect(key.suffix(4) == ["-i", "/k", "127.0.0.1", "exit 0"])
        #expect(key.contains("BatchMode=yes") && key.contains("UserKnownHostsFile=/dev/null"))
        let password = GuestSSH.arguments(user: "root", port: 9, key: nil, command: "x")
        #expect(!password.contains("BatchMode=yes"), "it would ask for no password")
        #expect(password.contains("PubkeyAuthentication=no"))
        #expect(
            GuestSSH.askpass(passwordFile: "/it's/here")
                == "#!/bin/sh\nexec head -n 1 '/it'\\''s/here'\n")
    }

    @Test("The cloud-init seed is an ISO image of two files")
    func seedIsISOWithTwoFiles() {
        let image = ISOImage.make(
            volume: "cidata",
            files: CloudInitSeed.files(instance: "i", user: "debian", publicKey: "ssh-ed25519 K"))
        func text(_ offset: Int, _ count: Int) -> String {
            String(decoding: image[offset..<offset + count], as: UTF8.self)
        }
        let descriptor = 16 * 2048
        #expect(text(descriptor, 6) == "\u{1}CD001" && text(descriptor + 40, 7) == "cidata ")
        #expect(image.count == 23 * 2048, "root, and a sector for each file")
        #expect(image[descriptor + 80] == 23, "as the descriptor says")
        #expect(text(20 * 2048, 2048).contains("meta-data;1"))
        #expect(text(21 * 2048, 2048).hasPrefix("instance-id: i\n"))
        let user = text(22 * 2048, 2048)
        #expect(user.hasPrefix("#cloud-config\n") && user.contains("  - name: debian\n"))
        #expect(user.contains("      - ssh-ed25519 K\n"))
    }

    /// cloud-init's default is `!` in the shadow file, which an sshd without PAM takes for locked.
    @Test("A user made by cloud-init has no password, and is not locked")
    func userIsNotLocked() {
        let files = CloudInitSeed.files(instance: "i", user: "tester", publicKey: "K")
        let user = String(decoding: files[1].bytes, as: UTF8.self)
        #expect(user.contains("\n    lock_passwd: false\n    hashed_passwd: \"*\"\n"))
    }

    @Test("A guest that does not come up is described with what its image may lack")
    func silentGuests() {
        func reason(_ login: GuestLogin?, answered: Bool, console: Bool) -> String {
            SilentGuest.reason(
                TestPlan(login: login), seconds: 9, hasAnswered: answered, hasConsole: console,
                output: "Permission denied")
        }
        let root = GuestLogin(user: "root", method: .key, path: "k")
        let refused = reason(root, answered: true, console: true)
        #expect(
            refused
                == "the guest did not come up within 9 s: root cannot log in by SSH "
                + "(Permission denied)")
        let silent = reason(root, answered: false, console: false)
        #expect(
            silent.contains("root cannot log in by SSH, because nothing answers on its port 22"))
        #expect(silent.contains("its first interface needs DHCP"))
        #expect(silent.contains("console=ttyS0"))
        let port = reason(nil, answered: false, console: true)
        #expect(port.contains("s: nothing answers on its port 22. If it booted"))
        #expect(!port.contains("console=ttyS0"))
        let seeded = GuestLogin(user: "a", method: .cloudInit)
        #expect(reason(seeded, answered: true, console: true).contains("NoCloud"))
    }

    @Test(
        "The exit of a test's QEMU is the image's fault or the host's",
        arguments: [
            (0 as Int?, nil as Int?, "", FaultClass.template, FaultCode.testFailed),
            (
                1, nil, "qemu: Could not set up host forwarding rule 'tcp…'", .infrastructure,
                .portRace
            ),
            (1, nil, "qemu: cannot open", .infrastructure, .hostError),
            (nil, 9, "", .infrastructure, .buildKilled),
        ])
    func qemuExitIsClassified(
        exitCode: Int?, signal: Int?, output: String, faultClass: FaultClass, code: FaultCode
    ) {
        let fault = TestGuestExit.fault(
            exitCode: exitCode, signal: signal, output: output, isUp: false)
        #expect(fault.class == faultClass && fault.code == code)
    }

    private func problem(_ change: (inout TestPlan) -> Void) -> String? {
        var plan = TestPlan(
            login: GuestLogin(user: "root", method: .key, path: "k"),
            cases: [PlannedTest(name: "a", kind: .script, limitSeconds: 1, path: "s.sh")])
        change(&plan)
        return StartCheck.problem(
            Start(
                attempt: AttemptToken(high: 1, low: 1),
                build: .init(id: "b", guestOS: "g", number: 1, imageName: "i"),
                template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1),
                recipe: BuildRecipe(
                    builder: .test(plan), baseImage: BaseImage(url: "file:///i", sha256: nil)),
                requirements: Requirements(), limits: AttemptLimits()))
    }

    @Test("A test plan with any invalid field is rejected")
    func testPlanIsChecked() {
        #expect(problem { _ in } == nil)
        #expect(problem { $0.cases = [] } != nil)
        #expect(problem { $0.login?.user = "-oProxyCommand=x" } != nil)
        #expect(problem { $0.login?.path = "../k" } != nil)
        #expect(problem { $0.login = nil } != nil)
        #expect(problem { $0.cases[0].path = "/etc/shadow" } != nil)
        #expect(problem { $0.cases[0].name = "a\nb" } != nil)
        #expect(problem { $0.cases[0].limitSeconds = 0 } != nil)
        #expect(
            problem {
                $0.cases[0].kind = .bootRepeated
                $0.cases[0].times = 1000
            } != nil)
        #expect(
            problem {
                $0.cases[0].kind = .program
                $0.cases[0].command = ["a\0b"]
            } != nil)
        #expect(
            problem {
                $0.cases[0].kind = .program
                $0.cases[0].path = nil
            } != nil, "neither a command nor a text")
        #expect(
            problem {
                $0.cases[0].kind = .program
                $0.cases[0].text = "#!/bin/sh\n"
            } == nil)
    }

    @Test("The probe timeout grows with the boot time, within bounds")
    func probeTimeoutGrows() {
        #expect(AgentLimits.probeMilliseconds(after: 0) == 1_000)
        #expect(AgentLimits.probeMilliseconds(after: 50_000) == 5_000)
        #expect(AgentLimits.probeMilliseconds(after: 3_600_000) == 10_000)
    }
}
