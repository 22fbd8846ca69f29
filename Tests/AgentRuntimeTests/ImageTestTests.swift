import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Test attempts with real QEMU, SSH and an image that really boots.
@Suite struct ImageTestTests {
    private static let settings = "accelerator: tcg\n"

    /// A disk of 1 MiB whose boot sector loops forever.
    private static let hangingDisk =
        BootSectors.hanging(saying: "no system") + [UInt8](repeating: 0, count: (1 << 20) - 512)

    /// Writes to the disk, between the boot loader and the first partition.
    private static let scratch =
        "echo scratch | dd of=/dev/vda bs=512 seek=100 conv=notrunc,fsync && echo written\n"

    private func plan(_ cases: [PlannedTest], boot seconds: Int = 180) -> TestPlan {
        TestPlan(
            login: GuestLogin(user: "root", method: .cloudInit), bootSeconds: seconds, cases: cases)
    }

    @Test("Test cases run in a guest that boots the image on an overlay of its own")
    func casesRunInBootedGuest() async throws {
        let image = try await MiniLinux.shared.image()
        let digest = try SHA256.file(image)
        try await withAgent(Self.settings, depth: 60) { agent, client in
            let plan = plan([
                PlannedTest(name: "script", kind: .script, limitSeconds: 60, path: "in-guest.sh"),
                PlannedTest(
                    name: "program", kind: .program, limitSeconds: 60,
                    command: ["./on-host.sh", "a b"]
                ),
                PlannedTest(
                    name: "registered", kind: .program, limitSeconds: 60,
                    text: "#!/bin/sh\ntest -f on-host.sh && echo \"beside $AIBUILD_TEST_CASE\"\n"),
                PlannedTest(name: "off", kind: .shutdown, limitSeconds: 60),
            ])
            let start = try await agent.start(
                plan, image: image,
                files: [
                    "in-guest.sh": "#!/bin/sh\necho \"on $(hostname)\"\n" + Self.scratch,
                    "on-host.sh": """
                    #!/bin/sh
                    echo "$1 for $AIBUILD_TEST_CASE of $AIBUILD_IMAGE_NAME"
                    # As Ansible connects.
                    mkdir -p "$HOME/.ansible/cp"
                    ssh -F /dev/null -o ControlMaster=auto -o ControlPersist=9 \
                        -o ControlPath="$HOME/.ansible/cp/0123456789" \
                        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                        -o LogLevel=ERROR -i "$AIBUILD_GUEST_KEY" -p "$AIBUILD_GUEST_PORT" \
                        "$AIBUILD_GUEST_USER@$AIBUILD_GUEST_ADDRESS" \
                        'dd if=/dev/vda bs=512 skip=100 count=1 | grep -q scratch || echo fresh'
                    test -S "$HOME/.ansible/cp/0123456789" && echo "shared connection"

                    """,
                ])
            let tested = try await client.build(start)
            #expect(tested.fault == nil, "\(tested.log)")
            #expect(tested.finished.artifacts.isEmpty)
            let results = try #require(tested.finished.tests)
            #expect(results.map(\.name) == ["script", "program", "registered", "off"])
            #expect(results.allSatisfy { $0.result == .passed && $0.milliseconds > 0 })
            #expect(tested.texts.contains("on mini-linux"))
            #expect(tested.texts.contains("written"))
            #expect(tested.texts.contains("a b for program of gx86_64_20261121_1"))
            #expect(tested.texts.contains("shared connection"), "its socket's path fits")
            #expect(
                tested.texts.contains("beside registered"), "in the template, as its own programs")
            #expect(tested.texts.contains("fresh"), "each case has an overlay of its own")
            // Each result gives its part of the log.
            let log = Array(tested.log.utf8)
            let part = log[Int(results[0].logFrom)..<Int(results[0].logTo)]
            let text = String(decoding: part, as: UTF8.self)
            #expect(text.contains("on mini-linux") && !text.contains("fresh"))
            #expect(part.last == 0x0A)
            #expect(try SHA256.file(image) == digest, "the image is as it was")
            #expect(agent.processes(start.attempt).isEmpty)
            #expect(!Files.exists(agent.state.attempt(start.attempt).tests), "no key is left")
        }
    }

    @Test("A failed case is named, and the cases after it still run")
    func failedCaseIsNamed() async throws {
        let image = try await MiniLinux.shared.image()
        try await withAgent(Self.settings) { agent, client in
            let plan = plan([
                PlannedTest(
                    name: "selinux", kind: .script, limitSeconds: 60,
                    text: "#!/bin/sh\necho it is not there >&2\nexit 3\n"),
                PlannedTest(
                    name: "hangs", kind: .program, limitSeconds: 1, command: ["sleep", "20"]),
                PlannedTest(
                    name: "nobody", kind: .program, limitSeconds: 60, text: "#!/no/such/program\n"),
                PlannedTest(name: "twice", kind: .bootRepeated, limitSeconds: 180, times: 2),
            ])
            let tested = try await client.build(try await agent.start(plan, image: image))
            let fault = try #require(tested.fault)
            #expect(fault.class == .template && fault.code == .testFailed)
            #expect(
                fault.reason.contains(
                    "the test case 'selinux': the script ended with exit status 3"))
            #expect(
                fault.reason.contains("it is not there"), "the log's last lines: \(fault.reason)")
            let results = try #require(tested.finished.tests)
            #expect(results.map(\.result) == [.failed, .failed, .failed, .passed])
            #expect(results[0].detail == "the script ended with exit status 3")
            #expect(results[1].detail == "the program took longer than 1 s")
            #expect(results[2].detail.contains("the program cannot be run on this host"))
            #expect(tested.texts.contains("boot 2 of 2"))
            #expect(tested.finished.evidence?.serialTail?.contains("mini-linux ready") == true)
        }
    }

    @Test("A guest that does not boot leaves evidence and skips the later cases")
    func deadGuestSkipsLaterCases() async throws {
        try await withAgent(Self.settings) { agent, client in
            let image = agent.folder.path + "/hangs.img"
            try Files.replace(image, with: Self.hangingDisk)
            var plan = plan(
                [
                    PlannedTest(name: "boots", kind: .boot, limitSeconds: 3),
                    PlannedTest(name: "script", kind: .script, limitSeconds: 9, text: "true\n"),
                ], boot: 8)
            plan.imageFormat = .raw
            let tested = try await client.build(try await agent.start(plan, image: image))
            let fault = try #require(tested.fault)
            #expect(fault.code == .testFailed, "\(fault)")
            #expect(fault.reason.contains("'boots': the guest did not come up within 3 s"))
            #expect(
                tested.finished.tests?.map(\.name) == ["boots"], "the others would wait in vain")
            let evidence = try #require(tested.finished.evidence)
            #expect(evidence.status == "running" && evidence.screenshotPNG != nil)
        }
    }

    /// QEMU accepts every connection, long before its guest can.
    @Test("A guest that is silent on its port is not up")
    func silentPortIsNotUp() async throws {
        try await withAgent(Self.settings) { agent, client in
            let image = agent.folder.path + "/hangs.img"
            try Files.replace(image, with: Self.hangingDisk)
            let plan = TestPlan(
                imageFormat: .raw, port: 5985,
                cases: [PlannedTest(name: "boots", kind: .boot, limitSeconds: 3)])
            let tested = try await client.build(try await agent.start(plan, image: image))
            #expect(tested.fault?.code == .testFailed)
            #expect(tested.fault?.reason.contains("nothing answers on its port 5985") == true)
        }
    }

    @Test("A file that is no image fails its test")
    func invalidImageFails() async throws {
        try await withAgent(Self.settings) { agent, client in
            let image = agent.folder.path + "/broken.qcow2"
            try Files.replace(image, with: Array("no image".utf8))
            let plan = plan([PlannedTest(name: "boots", kind: .boot, limitSeconds: 3)])
            let tested = try await client.build(try await agent.start(plan, image: image))
            #expect(tested.fault?.code == .testFailed)
            #expect(tested.fault?.reason.contains("qemu-img cannot read the image") == true)
        }
    }

    /// None of these says anything about the image.
    @Test("A wrong digest or unreachable image of a test is an infrastructure fault")
    func missingImageIsInfrastructure() async throws {
        try await withAgent(Self.settings) { agent, client in
            let image = agent.folder.path + "/x.qcow2"
            try Files.replace(image, with: [1])
            let plan = plan([PlannedTest(name: "boots", kind: .boot, limitSeconds: 3)])
            var missing = try await agent.start(plan, image: image)
            missing.recipe.baseImage?.sha256 = String(repeating: "0", count: 64)
            let wrong = try await client.build(missing)
            #expect(wrong.fault?.class == .infrastructure && wrong.fault?.code == .baseImageDigest)
            #expect(wrong.finished.tests == nil)
            missing.attempt = AttemptToken(high: 5, low: .random(in: .min ... .max))
            missing.recipe.baseImage = BaseImage(url: "http://127.0.0.1:1/x.qcow2", sha256: nil)
            let unreachable = try await client.build(missing)
            #expect(unreachable.fault?.class == .infrastructure)
        }
    }

    @Test("A cancel request ends the guest of a test")
    func cancelEndsGuest() async throws {
        try await withAgent(Self.settings) { agent, client in
            let image = agent.folder.path + "/hangs.img"
            try Files.replace(image, with: Self.hangingDisk)
            var plan = plan([PlannedTest(name: "boots", kind: .boot, limitSeconds: 600)])
            plan.imageFormat = .raw
            let start = try await agent.start(plan, image: image)
            try await client.send(.start(start))
            try await eventually("QEMU runs") {
                agent.processes(start.attempt).contains { pid in
                    QEMUShim.isQEMU(Files.name(of: Links.target("/proc/\(pid)/exe")))
                }
            }
            try await client.send(.cancel(Cancel(attempt: start.attempt, reason: "enough")))
            let tested = try await client.follow(start.attempt)
            #expect(tested.fault?.class == .cancelled)
            #expect(agent.processes(start.attempt).isEmpty)
        }
    }

    /// The coordinator's API listens there too.
    @Test(
        "A guest reaches no service of its host's loopback interface, not even by 10.0.2.2",
        arguments: [
            (settings, false, false), (settings, true, false),
            // The same guest without isolation: the attack itself works.
            (settings + "isolation: none\n", true, true),
        ])
    func guestReachesNoLoopback(settings: String, isOnline: Bool, reaches: Bool) async throws {
        let image = try await MiniLinux.shared.image()
        let (socket, port) = try LoopbackPort.listen()
        let listener = Descriptor(owning: socket)
        try await withAgent(settings) { agent, client in
            var plan = plan([
                PlannedTest(
                    name: "attack", kind: .script, limitSeconds: 60,
                    text: """
                        #!/bin/sh
                        ip address | grep -q ' 10.0.2.15/24' && echo "has an address"
                        for address in 10.0.2.2 127.0.0.1 \
                            \(Namespaces.ownAddresses().joined(separator: " ")); do
                            timeout 3 nc $address \(port) </dev/null
                        done
                        true

                        """)
            ])
            plan.online = isOnline
            let tested = try await client.build(try await agent.start(plan, image: image))
            #expect(tested.fault == nil, "\(tested.log)")
            #expect(tested.texts.contains("has an address"), "\(tested.log)")
        }
        #expect(try Wait.readable([listener.raw], timeoutMilliseconds: 0) == [reaches])
    }

    /// The SSH client is a fake that asks for the password as the real one does.
    @Test("A guest's password goes by SSH_ASKPASS, never on a command line")
    func passwordStaysOffCommandLine() async throws {
        let image = try await MiniLinux.shared.image()
        let tools = try TemporaryFolder()
        try Files.replace(tools.path + "/qemu-img", with: Array(Self.passOn("qemu-img").utf8))
        let ssh = """
            #!/bin/sh
            case "$*" in *s3cret*) exit 9 ;; esac
            test "$("$SSH_ASKPASS" "password:")" = s3cret || exit 8
            echo "logged in"

            """
        try Files.replace(tools.path + "/ssh", with: Array(ssh.utf8))
        for name in ["ssh", "qemu-img"] { chmod("\(tools.path)/\(name)", 0o755) }
        try await withAgent(Self.settings + "qemu_img: \(tools.path)/qemu-img\n") { agent, client in
            var plan = plan([
                PlannedTest(
                    name: "password", kind: .program, limitSeconds: 60,
                    command: ["sh", "-c", "test \"$AIBUILD_GUEST_PASSWORD\" = s3cret"])
            ])
            plan.login = GuestLogin(user: "root", method: .password, path: "secret/password")
            let start = try await agent.start(
                plan, image: image, files: ["secret/password": "s3cret\nmore\n"])
            let tested = try await client.build(start)
            #expect(tested.fault == nil, "\(tested.log)")
            #expect(!tested.log.contains("s3cret"))
        }
    }

    private static func passOn(_ program: String) -> String {
        "#!/bin/sh\nexec /usr/bin/\(program) \"$@\"\n"
    }
}
