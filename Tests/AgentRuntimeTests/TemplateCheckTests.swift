import AgentCore
import BuildProtocol
import FoundationEssentials
import ProcessKit
import Support
import TestSupport
import Testing

/// The gate lets real Packer look at templates, without an attempt.
@Suite struct TemplateCheckTests {
    private struct Answer: Decodable {
        var ok: Bool?
        var fault: Fault?
        var message: String?
    }

    private func check(_ agent: TestAgent, _ start: Start) async throws -> Answer {
        let line = try LineCodec.encode(CoordinatorMessage.start(start))
        let output = try await agent.gate("check \(line.count)", stdin: line)
        let answer = try #require(output.stdoutText.split(separator: "\n").last)
        return try JSONDecoder().decode(Answer.self, from: Data(answer.utf8))
    }

    private static let files = [
        "good.json": """
        {"variables": {"isourl": "", "outdir": ""}, "builders": [{"type": "qemu",
          "iso_url": "{{user `isourl`}}", "iso_checksum": "none", "ssh_username": "root",
          "output_directory": "{{user `outdir`}}"}]}
        """,
        "remote.json": """
        {"builders": [{"type": "qemu", "iso_url": "http://no-such-host.invalid/x.iso",
          "iso_checksum": "none", "ssh_username": "root"}]}
        """,
        "setting.json": """
        {"builders": [{"type": "null", "communicator": "none", "no_such_setting": 1}]}
        """,
        "open.pkr.hcl": "build {\n",
    ]

    @Test(
        "Packer's verdict comes without an attempt, a slot or an image",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func verdicts(_ settings: String) async throws {
        try await withAgent(settings) { (agent: TestAgent) in
            var tar = TarFile()
            for (name, text) in Self.files.sorted(by: { $0.key < $1.key }) { tar.add(name, text) }
            let template = try await agent.deliver(tar.archive)
            for (name, code, words) in [
                ("good.json", nil, ""), ("remote.json", nil, ""),
                ("setting.json", FaultCode.packerRejected, "no_such_setting"),
                ("open.pkr.hcl", .packerRejected, "open.pkr.hcl:1:7: "),
                ("missing.json", .templateMissing, "missing.json"),
            ] {
                let start = agent.start(
                    template, .packer(template: name),
                    // It is not fetched.
                    baseImage: name == "good.json"
                        ? BaseImage(url: "http://no-such-host.invalid/base.qcow2", sha256: nil)
                        : nil)
                let answer = try await check(agent, start)
                #expect(answer.ok == true, "\(name): \(answer)")
                #expect(answer.fault?.code == code, "\(name): \(answer)")
                #expect(answer.fault?.reason.contains(words) ?? true, "\(name): \(answer)")
            }
            #expect(try Files.list(agent.state.attempts).isEmpty)
            #expect(try Files.list(agent.state.checks) == ["lock"])
        }
    }

    @Test("A host that looks at one template, or lacks it, says so")
    func refusals() async throws {
        try await withAgent { (agent: TestAgent) in
            var tar = TarFile()
            tar.add("t.json", "{}")
            let template = try await agent.deliver(tar.archive)
            let start = agent.start(template, .packer(template: "t.json"))
            try Files.makeFolder(agent.state.checks, mode: 0o700)
            do {
                guard let lock = try FileLock.tryTake(agent.state.checksLock) else {
                    throw Failure("the lock is taken")
                }
                let busy = try await check(agent, start)
                #expect(busy.ok == nil)
                #expect(busy.message == "this host is looking at other templates now")
                _ = consume lock
            }
            let unknown = TemplateArchive(
                sha256: String(repeating: "b", count: 64), sizeBytes: 10)
            let missing = try await check(
                agent, agent.start(unknown, .packer(template: "t.json")))
            #expect(missing.message?.contains("is not on this host") == true, "\(missing)")
            let command = try await check(agent, agent.start(template))
            #expect(command.message == "only builds by Packer can be checked")
            for bad in ["check", "check 0", "check x", "check 99999999999"] {
                #expect(try await agent.gate(bad).status == .exited(64), "\(bad)")
            }
        }
    }

    @Test("What a killed gate left is removed by the next one")
    func leftovers() async throws {
        try await withAgent { (agent: TestAgent) in
            let old = agent.state.check(AttemptToken(high: 1, low: 2))
            try Files.makeFolder(old.work, mode: 0o700)
            var tar = TarFile()
            tar.add("good.json", Self.files["good.json"] ?? "")
            let template = try await agent.deliver(tar.archive)
            let answer = try await check(
                agent, agent.start(template, .packer(template: "good.json")))
            #expect(answer.ok == true, "\(answer)")
            #expect(!Files.exists(old.root))
        }
    }
}
