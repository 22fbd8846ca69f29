@testable import AgentRuntime
import AgentCore
import BuildProtocol
import Glibc
import Support
import TestSupport
import Testing

/// Programs of attempts make Unix sockets, whose paths have at most 107 bytes.
@Suite struct ShortPathTests {
    /// Makes the sockets of Ansible's connection, of `ssh-agent`, and of QEMU in the output folder.
    private static let sockets = """
        perl -e '
            use IO::Socket::UNIX;
            for my $path (@ARGV) {
                IO::Socket::UNIX->new(Local => $path, Listen => 1) or die "$path: $!\\n";
                print "made ", length($path), "\\n";
            }' "$@"

        """
    private static let control = "$HOME/.ansible/cp/0123456789.0123456789abcdef"
    private static let agentSocket = "$TMPDIR/ssh-XXXXXXXXXXXX/agent.4194304"
    private static let folders =
        "mkdir -p $HOME/.ansible/cp $TMPDIR/ssh-XXXXXXXXXXXX && ./sockets \(control) \(agentSocket)"

    private func tar(_ files: [String: String]) -> [UInt8] {
        var tar = TarFile()
        tar.add("sockets", "#!/bin/sh\n" + Self.sockets, mode: 0o755)
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            tar.add(name, text, mode: 0o755)
        }
        return tar.archive
    }

    @Test(
        "Sockets of a build command fit under a state folder of 60 characters",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func command(settings: String) async throws {
        try await withAgent(settings, depth: 60) { agent, client in
            #expect(agent.state.root.utf8.count == 60)
            let output = settings == TestAgent.unisolated ? "" : " $AIBUILD_OUTPUT/vm/$1.monitor"
            let script = """
                #!/bin/sh
                set -e
                mkdir $AIBUILD_OUTPUT/vm
                set -- ubuntu1604x86_64_20181128_1.qcow2
                \(Self.folders)\(output)
                rm -r $AIBUILD_OUTPUT/vm
                truncate -s 1M $AIBUILD_OUTPUT/a.raw
                """
            let start = agent.start(try await agent.deliver(tar(["build": script])))
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.texts.contains { $0.hasPrefix("made ") })
            #expect(try Files.list(agent.state.shortHomes).isEmpty)
            #expect(try Files.list(agent.state.shortTemporaries).isEmpty)
        }
    }

    /// Where the paths are longest: in a sandbox they do not depend on the state folder.
    @Test("Ansible in a build command shares one SSH connection, by a socket below its home")
    func ansible() async throws {
        let guest = try await SSHServer.start()
        let script = """
            export ANSIBLE_HOST_KEY_CHECKING=False
            set -- all -i 127.0.0.1, -u "$(id -un)" -m raw \\
                -e "ansible_port=\(guest.port) ansible_ssh_private_key_file=\(guest.keyFile())"
            ansible "$@" -a "echo first of the guest" && ansible "$@" -a "echo second of the guest"
            find $HOME/.ansible/cp -type s | wc -l

            """
        try await withAgent(TestAgent.unisolated, depth: 60) { agent, client in
            let start = agent.start(try await agent.deliver(script: script))
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            for words in ["first of the guest", "second of the guest", "1"] {
                // Ansible asks for a terminal.
                let isSaid = built.texts.contains { [words, words + "\r"].contains($0) }
                #expect(isSaid, "\(built.log)")
            }
        }
        let logins = guest.log.ranges(of: "Accepted publickey").count
        #expect(logins == 1, "\(guest.log)")
    }

    /// Packer's provisioners run Ansible by the name that the template gives.
    @Test(
        "Sockets of Packer's provisioners fit under a state folder of 60 characters",
        arguments: [TestAgent.withoutQEMU, TestAgent.unisolated])
    func packer(settings: String) async throws {
        try await withAgent(settings, depth: 60) { agent, client in
            let template = """
                {"variables": {"outdir": ""}, "builders": [
                   {"type": "file", "content": "x", "target": "{{user `outdir`}}/a.img"}],
                 "post-processors": [{"type": "shell-local", "script": "play"}]}
                """
            let archive = tar(["t.json": template, "play": "#!/bin/sh\n\(Self.folders)\n"])
            let start = agent.start(
                try await agent.deliver(archive), .packer(template: "t.json"))
            let built = try await client.build(start)
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.texts.contains { $0.contains("made ") }, "\(built.log)")
            #expect(built.finished.artifacts.map(\.name) == ["a.img"])
        }
    }

    @Test("Builds without isolation have homes of their own, which end with them")
    func homes() async throws {
        try await withAgent(TestAgent.unisolated + "slots: 4\n") { agent, client in
            let first = try await agent.begin(client, "echo x >$HOME/x; echo ready; sleep 1000")
            let second = try await agent.begin(client, "ls $HOME; echo ready; sleep 1000")
            let homes = try Files.list(agent.state.shortHomes)
            #expect(homes.count == 2)
            #expect(homes.allSatisfy { $0.utf8.count == AgentLimits.shortNameBytes })
            #expect(try Files.list(agent.state.shortTemporaries) == homes)
            // The supervisor cannot clean up.
            kill(first.supervisor, SIGKILL)
            try await client.send(.forget(Forget(attempt: first.token)))
            try await client.send(.forget(Forget(attempt: second.token)))
            try await eventually("both homes are gone") {
                try Files.list(agent.state.shortHomes).isEmpty
                    && Files.list(agent.state.shortTemporaries).isEmpty
            }
        }
    }

    @Test("A name that is taken is not shared")
    func takenName() throws {
        let temporary = try TemporaryFolder()
        let state = StateFolder(temporary.path + "/s")
        let folders = ShortFolders(state: state)
        let attempts = (0..<3).map { _ in
            state.attempt(AttemptToken(high: 0x1234_1234_1234_1234, low: 0x1234_1234_1234_1234))
        }
        for folder in state.folders { try Files.makeFolder(folder) }
        var names: Set<String> = []
        for (index, attempt) in attempts.enumerated() {
            let folder = AttemptFolder(root: attempt.root + "\(index)", token: attempt.token)
            try Files.makeFolder(folder.root)
            names.insert(try folders.make(for: folder))
        }
        #expect(names.count == 3)
        try Files.remove(state.attempts + "/\(attempts[0].token)0")
        try folders.sweep()
        #expect(try Files.list(state.shortHomes).count == 2)
    }

    @Test("A state folder that is too deep for builds without isolation is reported")
    func deepStateFolder() async throws {
        #expect(AgentLimits.plainStateFolderBytes == 60)
        try await withAgent(TestAgent.unisolated, depth: 61) { agent in
            let notices = try await TestClient(agent.state.socket).greet().host.notices
            #expect(notices.contains { $0.hasPrefix("state_folder in agent.yml has 61 bytes") })
        }
    }
}
