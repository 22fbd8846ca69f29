import SSHKit
import Support
import TestSupport
import Testing

@testable import aibuild

/// `aibuild doctor HOST` on the machine itself, over a real sshd.
@Suite("Doctor of a machine", .timeLimit(.minutes(3))) struct HostInspectionTests {
    /// - Parameter key: by which the coordinator sees the machine; its own one by default.
    private func look(
        at machine: HostMachine, key: String? = nil, storedKey: String? = nil,
        packages: [String] = ["amd64"], more: [String] = []
    ) async throws -> Ran {
        let farm = try HostFarm(
            key: key ?? machine.ssh.hostKey().description, packages: packages,
            added: ["kvm1": "_aibuild-agent@127.0.0.1:\(machine.ssh.port)"], storedKey: storedKey)
        let ran = await runCLI(
            ["doctor", "kvm1", "--ssh-config", machine.config] + more, url: farm.coordinator.url)
        #expect(farm.changes == [] && machine.calls == [], "a doctor changes nothing")
        #expect(machine.folders.filter { Files.exists($0) } == [])
        await farm.coordinator.stop()
        return ran
    }

    @Test("A sound machine is good in every point that host add checks")
    func sound() async throws {
        let machine = try await HostMachine()
        try machine.makeHost()
        let ran = try await look(at: machine, more: ["--as", machine.ssh.endpoint.user])
        #expect(ran.code == .ok, "\(ran)")
        for line in [
            "ok   Host kvm1 is ready, 0 of 2 slots in use\n", "on amd64, with systemd\n",
            "ok   Host kvm1: aibuild-agent 1.2.3-1 is installed\n",
            ", which builds write to, has 48 GiB free\n",
            "ok   Host kvm1: The agent can read /etc/aibuild/agent.yml\n",
            "ok   Host kvm1: The service aibuild-agent runs\n",
            "ok   Host kvm1: The coordinator's key is let in, to the agent's gate only\n",
            "ok   Host kvm1: Its clock is that of the coordinator\n",
            "ok   Host kvm1: The coordinator reaches it, and sees its key SHA256:seen\n",
        ] {
            #expect(ran.out.ranges(of: line).count == 1, "\(line)\n\(ran.out)")
        }
        #expect(!ran.out.contains("FAIL"))
        try await eventually("the connection is closed") { machine.ssh.sessions.isEmpty }
    }

    @Test("Every fault of a machine is found in one run, each with how to fix it")
    func faults() async throws {
        let machine = try await HostMachine()
        try machine.makeHost(version: "1.2.2-1", keys: "ssh-ed25519 AAAAK all of it\n")
        try machine.set("free", "900")
        try machine.set("disabled", "")
        try machine.set("agent.yml", "colour: red")
        try Files.remove("\(machine.folder)/state/active")
        let ran = try await look(at: machine)
        #expect(ran.code == .buildFailed, "\(ran)")
        for line in [
            "warn Host kvm1: aibuild-agent 1.2.2-1 is installed, and the coordinator has 1.2.3-1\n"
                + "     → Upgrade it: aibuild host upgrade kvm1 --as USER\n",
            "has 900 MiB free; the agent with Packer and QEMU needs 1024 MiB\n     → Free space",
            "FAIL Host kvm1: The agent cannot use its settings: aibuild-agent: ",
            "agent.yml:1:1: key 'colour': is not known",
            "     → Fix this, then run: systemctl restart aibuild-agent\n",
            "FAIL Host kvm1: The service aibuild-agent does not run: agent.yml:3: unknown key",
            "not restricted to the agent's gate\n     → Remove that line, then run this again\n",
        ] {
            #expect(ran.out.contains(line), "\(line)\n\(ran.out)")
        }
        let json = try await look(at: machine, more: ["--json"])
        #expect(json.out.contains(#""remedy" : "Remove that line, then run this again""#))
    }

    @Test("A machine without the agent, or with one that the coordinator lacks, says so")
    func versions() async throws {
        let machine = try await HostMachine()
        let fresh = try await look(at: machine)
        #expect(
            fresh.out.contains(
                "FAIL Host kvm1: aibuild-agent is not installed\n"
                    + "     → Install it: aibuild host add kvm1 --address USER@HOST\n"), "\(fresh)")
        try machine.makeHost(version: "1.3.0-1")
        let newer = try await look(at: machine)
        #expect(newer.code == .ok, "\(newer)")
        #expect(newer.out.contains("warn Host kvm1: The agent here, 1.3.0-1, is newer"))
        let none = try await look(at: machine, packages: [])
        #expect(none.code == .ok, "\(none)")
        #expect(none.out.contains("warn Host kvm1: The coordinator has no agent package for amd64"))
    }

    @Test("A machine that is not the host, by its keys, is a fault")
    func otherKey() async throws {
        let machine = try await HostMachine()
        try machine.makeHost()
        let other = try await look(at: machine, key: "ssh-ed25519 AAAAOTHER")
        #expect(other.code == .buildFailed)
        #expect(other.out.contains("FAIL Host kvm1: Host key mismatch: "), "\(other.out)")
        let rotated = try await look(at: machine, storedKey: "ssh-ed25519 AAAAOLD")
        #expect(rotated.code == .buildFailed)
        #expect(rotated.out.contains("→ If the key was rotated, confirm"), "\(rotated.out)")
    }

    @Test("Where ssh does not log in, one line says so, and the coordinator's view remains")
    func unreachable() async throws {
        let machine = try await HostMachine()
        try machine.makeHost()
        try Files.replace("\(machine.folder)/known_hosts", with: [UInt8]())
        let ran = try await look(at: machine)
        #expect(ran.code == .ok, "\(ran)")
        let place = "127.0.0.1:\(machine.ssh.port)"
        #expect(
            ran.out.contains(
                "warn Host kvm1: The machine itself was not looked at: ssh cannot connect to "
                    + "\(place): Host key verification failed.\n"), "\(ran.out)")
        #expect(ran.out.contains("ok   Host kvm1 is ready, 0 of 2 slots in use\n"))
        #expect(ran.err == "")
        // Nobody is there to give the password of sudo.
        let key = try machine.ssh.hostKey().description
        let line = "[127.0.0.1]:\(machine.ssh.port) \(key)\n"
        try Files.replace("\(machine.folder)/known_hosts", with: line.utf8)
        try machine.set("uid", "1000")
        try machine.set("sudo", "secret")
        let locked = try await look(at: machine)
        #expect(locked.code == .ok, "\(locked)")
        #expect(locked.out.contains("not looked at: sudo asks for the password"), "\(locked)")
    }

    @Test("The way to log in is for a named host only")
    func needsAHost() async {
        let ran = await runCLI(["doctor", "--as", "anna"])
        #expect(ran.code == .usage)
        #expect(ran.err.contains("--as needs the name of a host"), "\(ran.err)")
    }
}
