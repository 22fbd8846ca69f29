import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

@testable import aibuild

/// What `aibuild host add` takes back, and what it says of that.
@Suite("Host taken back", .timeLimit(.minutes(3))) struct HostTakeBackTests {
    private func add(_ machine: HostMachine, _ farm: HostFarm) async -> Ran {
        await runCLI(
            ["host", "add", "kvm1", "--address", machine.address, "--ssh-config", machine.config],
            url: farm.coordinator.url)
    }

    /// A host already, whose agent is an older one.
    private func makeHost(_ machine: HostMachine) throws {
        try machine.set("installed", "1.2.2-1")
        try machine.set("active", "")
        try Files.makeFolder("\(machine.folder)/home/.ssh")
    }

    @Test("All is taken back although nobody reads the output any more")
    func withoutReader() async throws {
        let machine = try await HostMachine()
        let farm = try HostFarm(key: machine.ssh.hostKey().description)
        let printed = await runCLI(
            ["host", "add", "kvm1", "--address", machine.address, "--print"],
            url: farm.coordinator.url)
        let state = "\(machine.folder)/state"
        try Files.replace("\(state)/setup.sh", with: printed.out.utf8)
        try Files.replace("\(state)/aibuild-agent_1.2.3-1_amd64.deb", with: HostFarm.package)
        // The machine asks for the service only after the reader has gone.
        let line = "mkfifo gate && sh setup.sh | { sed '/^done: Let the/q'; exec <&-; echo >gate; }"
        let output = try await ProcessKit.Command(
            ["sh", "-c", line],
            environment: [
                "PATH": "\(machine.folder)/bin:/usr/bin:/bin", "MACHINE": machine.folder,
            ], workFolder: state
        ).run(timeoutSeconds: 300)
        #expect(output.stdoutText.hasSuffix("to the agent's gate only\n"), "\(output)")
        #expect(machine.calls == ["apt-get install", "apt-get purge"], "\(output.stderrText)")
        #expect(machine.folders.filter { Files.exists($0) } == [])
        await farm.coordinator.stop()
    }

    @Test("A package that cannot be removed is said to stay")
    func packageStays() async throws {
        let machine = try await HostMachine()
        let farm = try HostFarm(key: machine.ssh.hostKey().description)
        try machine.set("cannot-start", "")
        try machine.set("cannot-purge", "")
        let ran = await add(machine, farm)
        #expect(ran.code == .refused)
        #expect(
            ran.err.contains(
                "Not all that this run did was taken back. aibuild-agent is left: apt-get cannot "
                    + "purge it"), "\(ran.err)")
        #expect(!ran.err.contains("was taken back.\n"), "\(ran.err)")
        #expect(machine.keys == "")
        await farm.coordinator.stop()
    }

    @Test("An upgrade and a changed host key are said to stay")
    func upgradeStays() async throws {
        let machine = try await HostMachine()
        try makeHost(machine)
        // Known under another key, and removed by somebody while it is waited for.
        let farm = try HostFarm(
            key: machine.ssh.hostKey().description,
            added: ["kvm1": "_aibuild-agent@127.0.0.1:\(machine.ssh.port)"],
            storedKey: "ssh-ed25519 AAAAOLD")
        let ran = await add(machine, farm)
        #expect(ran.code == .notFound)
        for words in [
            "Not all that this run did was taken back. ",
            "The coordinator has the new host key of kvm1. ",
            "aibuild-agent was upgraded to 1.2.3-1.",
        ] {
            #expect(ran.err.contains(words), "\(ran.err)")
        }
        #expect(machine.keys == "" && machine.installed == "1.2.3-1\n")
        #expect(farm.changes == ["PUT /api/v1/hosts/kvm1"])
        await farm.coordinator.stop()
    }

    @Test("An agent for which the coordinator has no package, or an older one, is removed")
    func removesAnyAgent() async throws {
        let machine = try await HostMachine()
        try makeHost(machine)
        try machine.set("installed", "1.3.0-1")
        try machine.set("arch", "riscv64")
        let farm = try HostFarm(
            key: machine.ssh.hostKey().description,
            added: ["kvm1": "_aibuild-agent@127.0.0.1:\(machine.ssh.port)"])
        try Files.replace(
            "\(machine.folder)/home/.ssh/authorized_keys", with: (HostMachine.line + "\n").utf8)
        let ran = await runCLI(
            [
                "host", "remove", "kvm1", "--uninstall", machine.address, "--ssh-config",
                machine.config,
            ], url: farm.coordinator.url)
        #expect(ran.code == .ok, "\(ran)")
        #expect(ran.out.contains("done Removed the coordinator's key\n"), "\(ran.out)")
        #expect(machine.calls == ["apt-get purge"] && machine.installed == "")
        #expect(farm.changes == ["DELETE /api/v1/hosts/kvm1"])
        await farm.coordinator.stop()
    }

    @Test("A machine that is not the host, by its key, is left alone") func otherMachine()
        async throws
    {
        let machine = try await HostMachine()
        try makeHost(machine)
        let (own, address) = (try machine.ssh.hostKey().description, "_aibuild-agent@127.0.0.1")
        for (name, key, words) in [
            ("kvm2", own, "is the host kvm2, by its host key, and not kvm1"),
            ("kvm1", "ssh-ed25519 OTHER", "is not the host kvm1"),
        ] {
            let farm = try HostFarm(
                key: key, added: [name: "\(address):\(machine.ssh.port)"])
            let ran = await runCLI(
                [
                    "host", "remove", "kvm1", "--uninstall", machine.address, "--ssh-config",
                    machine.config,
                ], url: farm.coordinator.url)
            #expect(ran.code == .refused && ran.err.contains(words), "\(ran)")
            #expect(farm.changes.isEmpty && machine.calls.isEmpty, "\(machine.calls)")
            await farm.coordinator.stop()
        }
    }

    @Test("A program that writes without end is ended at its time", .timeLimit(.minutes(1)))
    func endlessOutput() async throws {
        let program = LiveProgram(
            arguments: ["yes"], environment: ["PATH": "/usr/bin:/bin"], timeoutSeconds: 1)
        await #expect(throws: Failure.self) { try await program.run(out: { _ in }, err: { _ in }) }
    }
}
