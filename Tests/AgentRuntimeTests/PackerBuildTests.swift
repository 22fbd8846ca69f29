import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Builds by real Packer, some with real QEMU and software emulation.
@Suite struct PackerBuildTests {
    private func deliver(_ agent: TestAgent, _ files: [String: String]) async throws
        -> TemplateArchive
    {
        var tar = TarFile()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) { tar.add(name, text) }
        return try await agent.deliver(tar.archive)
    }

    private let fileTemplate = """
        {"variables": {"outdir": "", "image_name": "", "word": "none"},
         "builders": [{"type": "file", "content": "{{user `word`}}",
                       "target": "{{user `outdir`}}/{{user `image_name`}}.raw"}]}
        """

    @Test("Templates in JSON, HCL2 and HCL2 as JSON build images")
    func buildsJSONAndHCL() async throws {
        try await withAgent { agent, client in
            let hcl = """
                variable "outdir" { default = "" }
                variable "word" {
                  type = string
                  default = "none"
                }
                source "file" "x" {
                  content = var.word
                  target  = "${var.outdir}/x.raw"
                }
                build { sources = ["source.file.x"] }
                """
            let json = #"""
                {"variable": {"outdir": {"default": ""}, "word": {"type": "string"}},
                 "source": {"file": {"x": {"content": "${var.word}",
                                           "target": "${var.outdir}/x.raw"}}},
                 "build": {"sources": ["source.file.x"]}}
                """#
            let template = try await deliver(
                agent, ["t.json": fileTemplate, "sub/t.pkr.hcl": hcl, "t.pkr.json": json])
            for (name, artifact) in [
                ("t.json", "gx86_64_20261121_1.raw"), ("sub/t.pkr.hcl", "x.raw"),
                ("t.pkr.json", "x.raw"),
            ] {
                let start = agent.start(
                    template, .packer(template: name), variables: ["word": "hé, \n"])
                let built = try await client.build(start)
                #expect(built.fault == nil, "\(built.log)")
                #expect(built.finished.artifacts.map(\.name) == [artifact])
                #expect(built.finished.artifacts.first?.sha256 == SHA256.hex("hé, \n".utf8))
                #expect(built.texts.contains { $0.hasPrefix("==> Builds finished.") })
                // Machine-readable lines do not belong in the log.
                #expect(!built.texts.contains { $0.contains("artifact-count") })
            }
        }
    }

    @Test("Faults of a Packer template are classified and explained")
    func packerFaultsAreClassified() async throws {
        try await withAgent(TestAgent.unisolated) { agent, client in
            let outside = agent.folder.path
            let template = try await deliver(
                agent,
                [
                    "broken.json": "{",
                    "unknown.json": #"{"builders":[{"type":"no-such-builder"}]}"#,
                    "setting.pkr.hcl": """
                    source "null" "x" {
                      communicator = "none"
                      no_such_setting = 1
                    }
                    build { sources = ["source.null.x"] }
                    """,
                    "open.pkr.hcl": "build {\n",
                    "none.json": #"{"builders":[{"type":"null","communicator":"none"}]}"#,
                    "script.json":
                        #"{"builders":[{"type":"null","communicator":"none"}],"provisioners":"#
                        + #"[{"type":"shell-local","inline":["echo why >&2","exit 3"]}]}"#,
                    "outside.json":
                        #"{"builders":[{"type":"file","content":"x","target":"\#(outside)/x"}]}"#,
                    "declares.json": fileTemplate,
                ])
            let cases: [(String, [String: String], FaultCode, String)] = [
                ("broken.json", [:], .packerRejected, "not valid JSON"),
                ("unknown.json", [:], .packerRejected, "no-such-builder"),
                // Packer's own words, before anything is built.
                ("setting.pkr.hcl", [:], .packerRejected, "on setting.pkr.hcl line 3"),
                ("open.pkr.hcl", [:], .packerRejected, "open.pkr.hcl:1:7: "),
                ("none.json", [:], .noImage, "made no file"),
                ("script.json", [:], .packerFailed, "exit status: 3"),
                ("outside.json", [:], .templateInvalid, "outside the attempt's folder"),
                ("declares.json", ["typo": "1"], .templateInvalid, "'typo'"),
                ("missing.json", [:], .templateMissing, "missing.json"),
            ]
            for (name, variables, code, words) in cases {
                let start = agent.start(template, .packer(template: name), variables: variables)
                let fault = try await client.build(start).fault
                #expect(fault?.code == code, "\(name): \(String(describing: fault))")
                #expect(fault?.class == .template)
                #expect(fault?.reason.contains(words) == true, "\(fault?.reason ?? "")")
            }
        }
    }

    @Test("An old template is fixed, and the diff is logged")
    func oldTemplateIsFixed() async throws {
        try await withAgent { agent, client in
            // Packer 0.x: `iso_checksum_type` and `ssh_wait_timeout`. Whether QEMU then finds its
            // ISO is another matter.
            let old = """
                {"builders": [{"type": "qemu", "iso_url": "no.iso", "iso_checksum_type": "md5",
                  "iso_checksum": "00000000000000000000000000000000", "ssh_wait_timeout": "3s",
                  "ssh_username": "root", "accelerator": "tcg", "headless": true}]}
                """
            let template = try await deliver(agent, ["old.json": old])
            let built = try await client.build(agent.start(template, .packer(template: "old.json")))
            #expect(built.fault?.code == .packerFailed)
            #expect(
                built.texts.contains(
                    "packer fix made the template acceptable to this host's Packer; its changes:"))
            #expect(built.texts.contains { $0.hasPrefix("+") && $0.contains("md5:000") })
        }
    }

    @Test("Variable values stay off Packer's command line, in a private file")
    func variablesStayOffCommandLine() async throws {
        let folder = try TemporaryFolder()
        let (calls, modes) = (folder.path + "/calls", folder.path + "/modes")
        let wrapper = folder.path + "/packer"
        let script = """
            #!/bin/sh
            echo "$@" >> \(calls)
            for word in "$@"; do
              case "$word" in -var-file=*) stat -c %a "${word#*=}" >> \(modes);; esac
            done
            exec /usr/bin/packer "$@"
            """
        try Files.replace(wrapper, with: Array(script.utf8), mode: 0o755)
        try await withAgent(TestAgent.unisolated + "packer: \(wrapper)\n") { agent, client in
            let template = try await deliver(agent, ["t.json": fileTemplate])
            let start = agent.start(
                template, .packer(template: "t.json"), variables: ["word": "secret-word"])
            #expect(try await client.build(start).fault == nil)
            let text = String(decoding: try Files.read(calls, limitBytes: 1 << 20), as: UTF8.self)
            #expect(text.contains("validate") && text.contains("build -machine-readable"))
            #expect(!text.contains("secret-word"))
            #expect(try Files.read(modes, limitBytes: 100) == Array("600\n600\n600\n600\n".utf8))
        }
    }

    @Test("A host without Packer still runs command builds")
    func commandBuildsNeedNoPacker() async throws {
        try await withAgent("qemu_system: no-such-qemu\npacker: no-such-packer\n") { agent in
            let template = try await deliver(agent, ["t.json": fileTemplate])
            let client = try await TestClient(agent.state.socket)
            let hello = try await client.greet()
            #expect(hello.host.packerVersion == nil)
            #expect(hello.host.notices.contains { $0.contains("Packer is not installed") })
            let packer = try await client.build(agent.start(template, .packer(template: "t.json")))
            #expect(packer.fault?.code == .hostError)
            #expect(packer.fault?.class == .infrastructure)
            #expect(try await client.build(agent.start(template, .command(["true"]))).fault == nil)
        }
    }

    private let qemuTemplate = """
        {"variables": {"outdir": "", "vmname": "", "accelerator": "", "isourl": "",
           "host_port_min": "", "host_port_max": "", "vnc_port_min": "", "vnc_port_max": ""},
         "builders": [{"type": "qemu", "iso_url": "{{user `isourl`}}", "iso_checksum": "none",
           "output_directory": "{{user `outdir`}}", "vm_name": "{{user `vmname`}}",
           "accelerator": "{{user `accelerator`}}", "headless": true, "disk_size": "16M",
           "memory": 64, "boot_wait": "1s", "ssh_username": "x", "ssh_password": "x",
           "ssh_timeout": "10m", "host_port_min": "{{user `host_port_min`}}",
           "host_port_max": "{{user `host_port_max`}}", "vnc_port_min": "{{user `vnc_port_min`}}",
           "vnc_port_max": "{{user `vnc_port_max`}}", "vnc_bind_address": "127.0.0.1"}]}
        """

    /// QEMU boots an empty CD, and Packer waits for a guest that never comes up.
    private func startQEMU(
        _ agent: TestAgent, _ client: TestClient,
        limits: AttemptLimits = AttemptLimits(totalSeconds: 300, silenceSeconds: 200)
    ) async throws -> AttemptToken {
        let template = try await deliver(agent, ["q.json": qemuTemplate])
        let iso = agent.folder.path + "/empty.iso"
        try Files.replace(iso, with: [UInt8](repeating: 0, count: 1 << 20))
        let start = agent.start(
            template, .packer(template: "q.json"),
            baseImage: BaseImage(url: "file://\(iso)", sha256: nil), limits: limits)
        try await client.send(.start(start))
        try await client.follow(start.attempt, until: "Waiting for SSH")
        return start.attempt
    }

    private func qemus(_ agent: TestAgent, _ token: AttemptToken) -> [Int32] {
        agent.processes(token).filter { pid in
            let name = (try? Files.read("/proc/\(pid)/comm", limitBytes: 100)) ?? []
            return String(decoding: name, as: UTF8.self).hasPrefix("qemu-system")
        }
    }

    /// Packer polls the guest's port: that is no sign of activity of the guest.
    @Test("A hung guest of a Packer build is stopped in spite of SSH retries")
    func hungPackerGuestIsStopped() async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let limits = AttemptLimits(totalSeconds: 300, silenceSeconds: 30)
            let token = try await startQEMU(agent, client, limits: limits)
            let ended = try await client.follow(token)
            #expect(ended.fault?.code == .guestHung, "\(String(describing: ended.fault))")
            #expect(ended.finished.evidence?.screenshotPNG != nil)
            #expect(ended.texts.contains { $0.contains("Cleanly cancelled builds") })
            #expect(agent.processes(token).isEmpty)
        }
    }

    @Test("A cancelled Packer build leaves no QEMU process")
    func cancelLeavesNoQEMU() async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let token = try await startQEMU(agent, client)
            #expect(qemus(agent, token).count == 1)
            try await client.send(.cancel(Cancel(attempt: token, reason: "x")))
            let ended = try await client.follow(token)
            #expect(ended.fault?.code == .cancelled)
            // Packer was asked to stop first, and cleaned up.
            #expect(ended.texts.contains { $0.contains("Cleanly cancelled builds") })
            #expect(agent.processes(token).isEmpty)
        }
    }

    @Test("QEMU outlives the daemon but not its supervisor")
    func qemuOutlivesDaemonOnly() async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let token = try await startQEMU(agent, client)
            let before = qemus(agent, token)
            try agent.crashDaemon()
            #expect(qemus(agent, token) == before)
            try await agent.startDaemon()
            let second = try await agent.connect()
            #expect(qemus(agent, token) == before)
            let supervisor = try #require(FileLock.holder(agent.state.attempt(token).lock))
            kill(supervisor, SIGKILL)
            #expect(try await second.follow(token).fault?.code == .supervisorLost)
            #expect(agent.processes(token).isEmpty)
        }
    }

    @Test("Accelerators are probed by booting, and refusals are explained")
    func acceleratorsAreProbed() async throws {
        try await withAgent("accelerator: auto\n") { agent in
            let host = try await TestClient(agent.state.socket).greet().host
            #expect(host.accelerators.contains(.tcg))
            #expect(host.qemuVersion != nil && host.packerVersion != nil)
            // If KVM does not work although the device exists, the operator is told why.
            #expect(
                host.accelerators.contains(.kvm) || !Files.exists("/dev/kvm")
                    || host.notices.contains { $0.contains("/dev/kvm") })
            let probe = try Files.read(agent.state.probe, limitBytes: 1 << 20)
            #expect(String(decoding: probe, as: UTF8.self).contains("bootID"))
        }
        // A QEMU that cannot boot anything offers no accelerator.
        try await withAgent("qemu_system: /bin/true\naccelerator: auto\n") { agent in
            let host = try await TestClient(agent.state.socket).greet().host
            #expect(host.accelerators == [])
            #expect(host.notices.contains { $0.contains("tcg does not work") })
        }
    }

    @Test("A configured accelerator is not probed")
    func configuredAcceleratorIsNotProbed() async throws {
        try await withAgent("qemu_system: /bin/true\naccelerator: tcg\n") { agent in
            let report = try await TestClient(agent.state.socket).greet().host
            #expect(report.accelerators == [.tcg])
        }
    }
}
