import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// QEMU being killed at any moment of a build by real Packer is an infrastructure fault; a template
/// that makes its own build fail is not.
@Suite struct KilledQEMUTests {
    /// A build of the example, with some replacements in its files.
    private func build(
        _ agent: TestAgent, _ client: TestClient, _ changes: [(String, String)] = []
    ) async throws -> AttemptToken {
        let (folder, iso) = try await MiniLinux.shared.template()
        var tar = TarFile()
        for name in ["mini-linuxx86_64.json", "scripts/install.sh"] {
            let bytes = try Files.read("\(folder)/\(name)", limitBytes: 1 << 20)
            var text = String(decoding: bytes, as: UTF8.self)
            for (old, new) in changes { text = text.replacing(old, with: new) }
            tar.add(name, text)
        }
        let start = agent.start(
            try await agent.deliver(tar.archive), .packer(template: "mini-linuxx86_64.json"),
            variables: ["memory_mb": "512"],
            baseImage: BaseImage(url: "file://\(iso)", sha256: try SHA256.file(iso)))
        try await client.send(.start(start))
        return start.attempt
    }

    /// The real QEMU that runs a guest of the attempt.
    private func qemu(_ agent: TestAgent, _ token: AttemptToken) -> Int32? {
        agent.processes(token).first { pid in
            let words = (try? Files.read("/proc/\(pid)/cmdline", limitBytes: 1 << 20)) ?? []
            return QEMUShim.isQEMU(Files.name(of: Links.target("/proc/\(pid)/exe")))
                && String(decoding: words, as: UTF8.self).contains("-drive")
        }
    }

    private func expectKilled(_ ended: TestClient.Followed) {
        #expect(ended.fault?.code == .buildKilled, "\(ended.log)")
        #expect(ended.fault?.class == .infrastructure)
        #expect(ended.fault?.reason.contains("QEMU was killed by signal 9 from outside") == true)
    }

    /// Packer reports "Qemu failed to start", as for wrong options.
    @Test("QEMU killed while Packer launches it is an infrastructure fault")
    func killedDuringLaunch() async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let token = try await build(agent, client)
            try await eventually("QEMU runs") { qemu(agent, token).map { kill($0, SIGKILL) } == 0 }
            expectKilled(try await client.follow(token))
        }
    }

    /// Packer fails at once when the guest that it provisions dies, waits for its full timeout for
    /// one that has not come up, and accepts one that dies during its shutdown.
    @Test(
        "QEMU killed at any stage of a Packer build is an infrastructure fault",
        arguments: ["Waiting for SSH", "Provisioning with", "Gracefully halting"])
    func killedDuringBuild(said words: String) async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            let token = try await build(
                agent, client, [("\"poweroff -f\"", "\"sleep 5; poweroff -f\"")])
            try await client.follow(token, until: words)
            kill(try #require(qemu(agent, token)), SIGKILL)
            expectKilled(try await client.follow(token))
            #expect(agent.processes(token).isEmpty)
        }
    }

    /// Also a QEMU that is only asked for its version.
    @Test("QEMU that crashes when asked for its version is a host error")
    func crashDuringVersionQuery() async throws {
        let folder = try TemporaryFolder()
        let script = "#!/bin/sh\nkill -SEGV $$\n"
        let program = folder.path + "/qemu-system-x86_64"
        try Files.replace(program, with: Array(script.utf8), mode: 0o755)
        try await withAgent("accelerator: tcg\nqemu_system: \(program)\n") { agent, client in
            let ended = try await client.follow(try await build(agent, client))
            #expect(ended.fault?.code == .hostError, "\(ended.log)")
            #expect(ended.fault?.reason.contains("QEMU crashed by signal 11") == true)
        }
    }

    @Test(
        "Failures that the template causes are template faults",
        arguments: [
            ("[\"-vnc\", \"none\"]", "[\"-no-such-option\", \"1\"]", "Qemu failed to start"),
            ("\"ssh_password\": \"build\"", "\"ssh_password\": \"wrong\"", "SSH"),
            ("set -eu", "poweroff -f; sleep 60", ""),
            ("set -eu", "exit 3", "exit status: 3"),
        ])
    func ownFailuresAreTemplateFaults(old: String, new: String, reason: String) async throws {
        try await withAgent("accelerator: tcg\n") { agent, client in
            // Only a login that never succeeds has to wait for the limit.
            let limit = reason == "SSH" ? [("\"3m\"", "\"40s\"")] : []
            let token = try await build(agent, client, [(old, new)] + limit)
            let ended = try await client.follow(token)
            #expect(ended.fault?.code == .packerFailed, "\(ended.log)")
            #expect(ended.fault?.class == .template)
            #expect(ended.fault?.reason.contains(reason) == true, "\(ended.fault?.reason ?? "")")
        }
    }
}
