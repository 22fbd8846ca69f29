import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// Environments of build programs, with secrets of the host.
@Suite struct HostSecretTests {
    private static let value = "hunter22-and-more"

    private func withSecrets(
        _ isolation: String, guestOSes: String = "[g, other-*]",
        _ body: (TestAgent, TestClient, TemporaryFolder) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        try Files.replace(path, with: Array((Self.value + "\n").utf8), mode: 0o600)
        let settings = """
            secrets:
              cloud: {file: \(path), guest_oses: \(guestOSes)}
              gone: {file: \(folder.path)/gone, guest_oses: ["*"]}

            """
        try await withAgent(isolation + settings) { agent, client in
            try await body(agent, client, folder)
        }
    }

    private func start(
        _ agent: TestAgent, _ environment: [String: EnvironmentValue]
    ) async throws -> Start {
        var tar = TarFile()
        tar.add(
            "build",
            """
            #!/bin/sh
            test "$TOKEN" = \(Self.value) || exit 3
            test "$(cat "$KEY")" = \(Self.value) || exit 4
            test "$PLAIN" = text || exit 5
            echo "it is $TOKEN"
            echo "and $TOKEN" >&2
            echo x > "$AIBUILD_OUTPUT/x.raw"
            """, mode: 0o755)
        tar.add(
            "t.json",
            #"""
            {"variables": {"t": "{{env `TOKEN`}}", "outdir": ""}, "builders": [
              {"type": "file", "content": "x", "target": "{{user `outdir`}}/x.raw"}],
             "provisioners": [{"type": "shell-local",
                               "inline": ["echo packer has {{user `t`}}", "cat $KEY"]}]}
            """#)
        var start = agent.start(try await agent.deliver(tar.archive))
        start.recipe.environment = environment
        return start
    }

    private let environment: [String: EnvironmentValue] = [
        "TOKEN": .secret("cloud"), "KEY": .secretFile("cloud"), "PLAIN": .text("text"),
    ]

    @Test(
        "A program gets a secret, and neither the log nor a file of the attempt has it",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func secretIsPassed(isolation: String) async throws {
        try await withSecrets(isolation) { agent, client, _ in
            let host = try await client.greet().host
            #expect(host.secrets == ["cloud"])
            #expect(
                host.notices.contains {
                    $0.hasPrefix("the secret 'gone' cannot be read: ") && $0.contains("/gone")
                }, "\(host.notices)")
            for builder in [Builder.command(["./build"]), .packer(template: "t.json")] {
                var start = try await start(agent, environment)
                start.recipe.builder = builder
                let built = try await client.build(start)
                #expect(built.fault == nil, "\(built.log)")
                #expect(built.log.contains("***"), "\(built.log)")
                #expect(!built.log.contains(Self.value))
                let folder = agent.state.attempt(start.attempt)
                let order = try Files.read(folder.start, limitBytes: 1 << 20)
                #expect(!String(decoding: order, as: UTF8.self).contains(Self.value))
            }
        }
    }

    @Test("What a loader heeds acts on the program, and on nothing outside of its sandbox")
    func loaderSettingsStayInside() async throws {
        try await withAgent { agent, client in
            let folder = try TemporaryFolder()
            var tar = TarFile()
            tar.add(
                "build",
                """
                #!/bin/sh
                test "$LD_DEBUG" = statistics || exit 3
                echo x > "$AIBUILD_OUTPUT/x.raw"
                """, mode: 0o755)
            var start = agent.start(try await agent.deliver(tar.archive))
            // The loader of each program writes a file there, if it sees the folder.
            start.recipe.environment = [
                "LD_DEBUG": .text("statistics"), "LD_DEBUG_OUTPUT": .text(folder.path + "/ld"),
            ]
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(try Files.list(folder.path) == [])
        }
    }

    @Test("A secret that is not for the guest OS, or not there, is refused by name")
    func refusedSecrets() async throws {
        try await withSecrets(TestAgent.withoutQEMU, guestOSes: "[other-*]") { agent, client, _ in
            let other = try await client.build(start(agent, environment))
            #expect(other.fault?.class == .template)
            #expect(
                other.fault?.reason.contains("'cloud' is not for the guest OS 'g'") == true,
                "\(String(describing: other.fault))")
            for name in ["gone", "unknown"] {
                let missing = try await client.build(start(agent, ["A": .secret(name)]))
                #expect(missing.fault?.class == .infrastructure)
                #expect(missing.fault?.reason.contains("'\(name)'") == true)
            }
        }
    }
}
