import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

@testable import aibuild

/// `aibuild host add` over a real sshd.
@Suite("Host setup", .timeLimit(.minutes(3))) struct HostSetupTests {
    private func add(
        _ machine: HostMachine, _ farm: HostFarm, _ more: [String] = [], answers: [String] = []
    ) async -> Ran {
        await runCLI(
            ["host", "add", "kvm1", "--address", machine.address, "--ssh-config", machine.config]
                + more, url: farm.coordinator.url, answers: answers)
    }

    private func farm(_ machine: HostMachine) throws -> HostFarm {
        try HostFarm(key: machine.ssh.hostKey().description)
    }

    @Test("A machine becomes a host in one command, and a second one changes nothing")
    func addsTwice() async throws {
        let machine = try await HostMachine()
        let farm = try farm(machine)
        let ran = await add(machine, farm)
        #expect(ran.code == .ok, "\(ran)")
        for step in [
            ", which builds write to, has 48 GiB free\n",
            "ok   The coordinator reaches it, and sees its key SHA256:seen\n",
            "done Installed aibuild-agent 1.2.3-1\n",
            "done Let the coordinator's key in, to the agent's gate only\n",
            "done Added host kvm1 to the farm\n",
            "warn No guest boots under KVM there: its builds run with tcg\n",
            "Added host kvm1. It is ready, 2 slots, with tcg\n",
        ] {
            // Once, although the script runs twice.
            #expect(ran.out.ranges(of: step).count == 1, "\(ran.out)")
        }
        #expect(machine.text("state/package") == String(decoding: HostFarm.package, as: UTF8.self))
        #expect(machine.keys == HostMachine.line + "\n")
        #expect(machine.calls == ["apt-get install"])
        let body = farm.coordinator.bodies.last { $0.contains("hostKey") } ?? ""
        #expect(body.contains("\"_aibuild-agent@127.0.0.1:\(machine.ssh.port)\""), "\(body)")
        #expect(body.contains(try machine.ssh.hostKey().description))

        let again = await add(machine, farm)
        #expect(again.code == .ok, "\(again)")
        #expect(!again.out.contains("done"), "\(again.out)")
        #expect(again.out.contains("Host kvm1 is as it should be. It is ready"))
        #expect(machine.calls == ["apt-get install"])
        #expect(machine.keys == HostMachine.line + "\n")
        #expect(farm.changes == ["POST /api/v1/hosts"])
        // Nothing is left in /tmp there, and no connection.
        #expect(machine.folders.contains { $0.hasPrefix("/tmp/aibuild-host.") })
        #expect(machine.folders.filter { Files.exists($0) } == [])
        try await eventually("the connection is closed") { machine.ssh.sessions.isEmpty }
        await farm.coordinator.stop()
    }

    @Test("What was done is taken back if the service does not start")
    func takesBackOnTheMachine() async throws {
        let machine = try await HostMachine()
        let farm = try farm(machine)
        try machine.set("cannot-start", "")
        let ran = await add(machine, farm)
        #expect(ran.code == .refused)
        #expect(
            ran.err.contains(
                "Host kvm1 was not set up: The service aibuild-agent does not start: agent.yml:3: "
                    + "unknown key colour"), "\(ran.err)")
        #expect(ran.err.contains("What this run did on 127.0.0.1 was taken back."))
        #expect(machine.calls == ["apt-get install", "apt-get purge"])
        #expect(ran.out.contains("done Removed the coordinator's key\n"), "\(ran.out)")
        #expect(farm.changes == [])
        await farm.coordinator.stop()
    }

    @Test("A host that the coordinator cannot use leaves farm and machine as they were")
    func takesBackTheRegistration() async throws {
        let machine = try await HostMachine()
        // It was a host of another coordinator before, whose line has no end.
        try machine.set("installed", "1.2.3-1")
        try machine.set("active", "")
        try Files.makeFolder("\(machine.folder)/home/.ssh")
        let other = "restrict,command=\"aibuild-agent gate\" ssh-ed25519 OTHER"
        try Files.replace("\(machine.folder)/home/.ssh/authorized_keys", with: other.utf8)
        let farm = try HostFarm(key: machine.ssh.hostKey().description, state: "unreachable")
        let ran = await add(machine, farm)
        #expect(ran.code == .refused)
        #expect(ran.err.contains("The coordinator cannot use host kvm1: login refused\n"))
        #expect(farm.changes == ["POST /api/v1/hosts", "DELETE /api/v1/hosts/kvm1"])
        #expect(ran.out.contains("done Removed the coordinator's key\n"), "\(ran.out)")
        #expect(machine.keys == other + "\n")
        #expect(machine.calls == [])
        #expect(ran.err.contains("What this run did on 127.0.0.1 was taken back."), "\(ran.err)")
        await farm.coordinator.stop()
    }

    // MARK: Refusals

    /// Sets nothing up, and says why.
    private func refused(
        _ words: String, _ machine: HostMachine, _ farm: HostFarm, answers: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let ran = await add(machine, farm, answers: answers)
        #expect(ran.code == .refused, sourceLocation: sourceLocation)
        #expect(ran.err.contains(words), "\(ran)", sourceLocation: sourceLocation)
        #expect(machine.calls == [] && machine.keys == "", sourceLocation: sourceLocation)
        #expect(farm.changes == [], sourceLocation: sourceLocation)
        await farm.coordinator.stop()
    }

    @Test("A machine whose key your ssh does not know is refused by ssh")
    func unknownHostKey() async throws {
        let machine = try await HostMachine()
        try Files.replace("\(machine.folder)/known_hosts", with: [UInt8]())
        await refused("Host key verification failed.", machine, try farm(machine))
    }

    @Test("A machine that the coordinator sees under a key of another one is refused")
    func otherMachine() async throws {
        let machine = try await HostMachine()
        await refused(
            "Host key mismatch: the coordinator sees SHA256:seen", machine,
            try HostFarm(key: "ssh-ed25519 AAAAOTHER"))
    }

    @Test("A machine is refused for its architecture, and for its disk")
    func unsuitable() async throws {
        let machine = try await HostMachine()
        try machine.set("arch", "riscv64")
        await refused(
            "The coordinator has no agent package for riscv64", machine, try farm(machine))
        try machine.set("arch", "amd64")
        try machine.set("free", "900")
        await refused("has 900 MiB free", machine, try farm(machine))
    }

    @Test("A coordinator without packages says where they belong")
    func noPackages() async throws {
        let machine = try await HostMachine()
        let farm = try HostFarm(key: "ssh-ed25519 AAAA", packages: [])
        await refused("Put aibuild-agent_*.deb into /usr/share/aibuild/agent", machine, farm)
        #expect(machine.ssh.log.contains("Accepted") == false, "no login was tried")
    }

    @Test("A user who cannot become root is refused, and one with a password is asked")
    func sudo() async throws {
        let machine = try await HostMachine()
        try machine.set("uid", "1000")
        try machine.set("sudo", "a pass'word")
        await refused("nobody is there to give it", machine, try farm(machine))
        await refused(
            "did not accept the password", machine, try farm(machine), answers: ["wrong"])
        // The script was not taken for more of them: that locks accounts.
        #expect(machine.text("state/passwords") == "wrong\n")
        let farm = try farm(machine)
        let ran = await add(machine, farm, answers: ["a pass'word"])
        #expect(ran.code == .ok, "\(ran)")
        #expect(!(ran.out + ran.err).contains("a pass'word"))
        try Files.remove("\(machine.folder)/bin/sudo")
        await farm.coordinator.stop()
    }

    @Test("A clock that no machine can have is a warning")
    func impossibleClock() async throws {
        let machine = try await HostMachine()
        try Files.replace(
            "\(machine.folder)/bin/date", with: "#!/bin/sh\necho \(Int64.min)\n".utf8, mode: 0o755)
        let farm = try farm(machine)
        let ran = await add(machine, farm)
        #expect(ran.code == .ok, "\(ran)")
        #expect(ran.out.contains("warn Its clock cannot be compared"), "\(ran.out)")
        await farm.coordinator.stop()
    }

    @Test("An agent that is newer than the coordinator stays")
    func newerAgent() async throws {
        let machine = try await HostMachine()
        try machine.set("installed", "1.3.0-1")
        await refused(
            "The agent here, 1.3.0-1, is newer than the coordinator's, 1.2.3-1", machine,
            try farm(machine))
    }

    // MARK: By hand, and back

    @Test("--print prints a script that sets the machine up, and the line to add it")
    func printed() async throws {
        let machine = try await HostMachine()
        let farm = try farm(machine)
        let ran = await add(machine, farm, ["--print"])
        #expect(ran.code == .ok)
        let port = machine.ssh.port
        #expect(
            ran.out.contains(
                "#   aibuild host add kvm1 --register-only --address "
                    + "_aibuild-agent@127.0.0.1:\(port)\n"), "\(ran.out)")
        #expect(ran.out.contains("#   aibuild host package amd64\n"), "\(ran.out)")
        #expect(ran.out.contains("#   ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n"))
        #expect(!ran.out.contains("TOKEN") && !ran.out.contains("curl"))
        #expect(farm.changes == [] && machine.calls == [])
        let script = "\(machine.folder)/state/setup.sh"
        try Files.replace(script, with: ran.out.utf8)
        try Files.replace(
            "\(machine.folder)/state/aibuild-agent_1.2.3-1_amd64.deb", with: HostFarm.package)
        let output = try await ProcessKit.Command(
            ["sh", script],
            environment: [
                "PATH": "\(machine.folder)/bin:/usr/bin:/bin", "MACHINE": machine.folder,
            ], workFolder: "\(machine.folder)/state"
        ).run(timeoutSeconds: 300)
        #expect(output.status == .exited(0), "\(output.stdoutText) \(output.stderrText)")
        #expect(machine.keys == HostMachine.line + "\n")
        #expect(output.stdoutText.contains("done: Installed aibuild-agent 1.2.3-1\n"))
        // A package that is not the coordinator's is not installed.
        try machine.set("installed", "1.0.0-1")
        try machine.set("aibuild-agent_1.2.3-1_amd64.deb", "another")
        let wrong = try await ProcessKit.Command(
            ["sh", script],
            environment: [
                "PATH": "\(machine.folder)/bin:/usr/bin:/bin", "MACHINE": machine.folder,
            ], workFolder: "\(machine.folder)/state"
        ).run(timeoutSeconds: 300)
        #expect(wrong.status == .exited(1))
        #expect(wrong.stdoutText.contains("is not the coordinator's"), "\(wrong.stdoutText)")
        #expect(machine.installed == "1.0.0-1\n")
        await farm.coordinator.stop()
    }

    @Test("--uninstall removes key and agent, unless another coordinator uses it")
    func uninstalls() async throws {
        let machine = try await HostMachine()
        let farm = try farm(machine)
        let line = [
            "host", "remove", "kvm1", "--uninstall", machine.address, "--ssh-config",
            machine.config,
        ]
        #expect(await add(machine, farm).code == .ok)
        let other = "restrict,command=\"aibuild-agent gate\" ssh-ed25519 OTHER\n"
        try Files.replace(
            "\(machine.folder)/home/.ssh/authorized_keys",
            with: (HostMachine.line + "\n" + other).utf8)
        let shared = await runCLI(line, url: farm.coordinator.url)
        #expect(shared.code == .ok, "\(shared)")
        #expect(farm.changes.last == "DELETE /api/v1/hosts/kvm1")
        #expect(machine.keys == other && machine.installed == "1.2.3-1\n")
        try Files.replace("\(machine.folder)/home/.ssh/authorized_keys", with: [UInt8]())
        let ran = await runCLI(line, url: farm.coordinator.url)
        #expect(ran.code == .ok, "\(ran)")
        #expect(ran.out.contains("Host kvm1 is not in the farm"))
        #expect(machine.calls.last == "apt-get purge" && machine.installed == "")
        await farm.coordinator.stop()
    }
}
