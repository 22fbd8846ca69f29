import AgentCore
import BuildProtocol
import Support
import TestSupport
import Testing

/// Secrets that the coordinator sends with `start`.
@Suite struct DeliveredSecretTests {
    private static let value = "hunter22-and-more"

    private func start(_ agent: TestAgent, _ script: String = "") async throws -> Start {
        var tar = TarFile()
        tar.add(
            "build",
            """
            #!/bin/sh
            test "$TOKEN" = \(Self.value) || exit 3
            test "$(cat "$KEY")" = \(Self.value) || exit 4
            # Of all processes that it sees; unisolated, of the agent's as well.
            cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -qF -f "$KEY" && exit 5
            echo "it is $TOKEN, in base64 $(printf "x$TOKEN" | base64)"
            echo "secret files: $(ls "${KEY%/*}" | tr '\\n' ' ')"
            \(script)
            echo x > "$AIBUILD_OUTPUT/x.raw"
            """, mode: 0o755)
        var start = agent.start(try await agent.deliver(tar.archive))
        start.recipe.builder = .command(["./build"])
        start.recipe.environment = ["TOKEN": .secret("cloud"), "KEY": .secretFile("key")]
        start.secrets = SecretValues(["cloud": Self.value + "\n", "key": Self.value])
        return start
    }

    /// Every file below the agent's state folder that has the value.
    private func places(_ agent: TestAgent) throws -> [String] {
        var found: [String] = []
        var folders = [agent.state.root]
        while let folder = folders.popLast() {
            for name in try Files.list(folder) {
                let path = folder + "/" + name
                switch Files.kind(path) {
                case .folder: folders.append(path)
                case .file:
                    // The template of this test has it.
                    guard !path.hasSuffix(".tar"), !path.hasSuffix("/build") else { continue }
                    let bytes = try Files.read(path, limitBytes: 16 << 20)
                    if String(decoding: bytes, as: UTF8.self).contains(Self.value) {
                        found.append(path)
                    }
                default: break
                }
            }
        }
        return found
    }

    @Test(
        "A value reaches environment and file, is masked, and is gone from disk after the end",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func delivery(isolation: String) async throws {
        try await withAgent(isolation) { agent, client in
            #expect(try await client.greet().host.buildAbilities?.contains("secrets") == true)
            let start = try await start(agent)
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.log.contains("it is ***, in base64 "), "\(built.log)")
            #expect(!built.log.contains(Self.value))
            // eGh1bnRlcjIyLWFuZC1tb3Jl
            #expect(!built.log.contains("h1bnRlcjIyLWFuZC1tb3J"), "\(built.log)")
            // What is only in the environment is no file any more while the program runs.
            #expect(built.log.contains("secret files: key "), "\(built.log)")
            #expect(try places(agent) == [])
            let folder = agent.state.attempt(start.attempt)
            #expect(!Files.exists(folder.secrets))
            #expect(Files.exists(folder.start))
        }
    }

    @Test("A build that fails, or is refused, leaves no value")
    func failures() async throws {
        try await withAgent(TestAgent.withoutQEMU) { agent, client in
            _ = try await client.greet()
            let failed = try await client.build(start(agent, "exit 7"))
            #expect(failed.fault?.code == .commandFailed)
            #expect(try places(agent) == [])
            // Refused before anything is unpacked.
            var missing = try await start(agent)
            missing.recipe.environment?["MORE"] = .secret("unknown")
            let refused = try await client.build(missing)
            #expect(refused.fault?.reason.contains("aibuild secret add unknown") == true)
            #expect(try places(agent) == [])
        }
    }

    @Test("A secret of the host comes first, if it is for the guest OS")
    func hostFirst() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/secret"
        try Files.replace(path, with: Array((Self.value + "\n").utf8), mode: 0o600)
        for (guestOSes, passes) in [("[g]", true), ("[other]", false)] {
            let settings =
                "secrets: {cloud: {file: \(path), guest_oses: \(guestOSes)}}\n"
            try await withAgent(TestAgent.withoutQEMU + settings) { agent, client in
                _ = try await client.greet()
                var start = try await start(agent)
                start.secrets?.values["cloud"] = "another value"
                let built = try await client.build(start)
                #expect((built.fault == nil) == passes, "\(built.log)")
            }
        }
    }

    @Test("A value that could not be masked, or a name that is a path, is refused")
    func badValues() async throws {
        try await withAgent(TestAgent.withoutQEMU) { agent, client in
            _ = try await client.greet()
            for (name, value) in [("cloud", "abc"), ("../cloud", "hunter22"), ("a", "hunter22\0")] {
                var start = try await start(agent)
                start.secrets = SecretValues([name: value])
                try await client.send(.start(start))
                guard case .error(let report) = try await client.answer() else {
                    Issue.record("accepted")
                    continue
                }
                #expect(report.code == .malformed)
                #expect(!report.message.contains("hunter22"))
            }
        }
    }
}
