import SSHKit
import Support
import TestSupport
import Testing

@testable import aibuild

/// `aibuild host upgrade` over a real sshd.
@Suite("Host upgrade", .timeLimit(.minutes(3))) struct HostUpgradeTests {
    private static let drained = "POST /api/v1/hosts/kvm1/drain"
    private static let resumed = "POST /api/v1/hosts/kvm1/resume"

    /// A host with an older agent.
    private func machine() async throws -> HostMachine {
        let machine = try await HostMachine()
        try machine.makeHost(version: "1.2.2-1", keys: "")
        return machine
    }

    private func farm(_ machine: HostMachine, key: String? = nil) throws -> HostFarm {
        try HostFarm(
            key: key ?? machine.ssh.hostKey().description,
            added: [
                "kvm1": "_aibuild-agent@127.0.0.1:\(machine.ssh.port)",
                "kvm2": "_aibuild-agent@127.0.0.1:1",
            ])
    }

    private func upgrade(
        _ machine: HostMachine, _ farm: HostFarm, _ more: String...
    ) async -> Ran {
        await runCLI(
            [
                "host", "upgrade", "--as", machine.ssh.endpoint.user, "--ssh-config",
                machine.config,
            ] + more, url: farm.coordinator.url)
    }

    @Test("Hosts are upgraded one by one, and the first failure ends it")
    func upgrades() async throws {
        let machine = try await machine()
        let farm = try farm(machine)
        let ran = await upgrade(machine, farm, "kvm1", "--drain")
        #expect(ran.code == .ok, "\(ran)")
        #expect(ran.out.contains("done Installed aibuild-agent 1.2.3-1 in place of 1.2.2-1\n"))
        #expect(machine.installed == "1.2.3-1\n")
        #expect(farm.changes == [Self.drained, Self.resumed])
        // The second one is not there.
        try machine.set("installed", "1.2.2-1")
        let all = await upgrade(machine, farm, "--all")
        #expect(all.code == .refused)
        #expect(all.err.contains("ssh cannot connect to") && all.err.contains("127.0.0.1:1"))
        #expect(machine.installed == "1.2.3-1\n")
        for wrong in [[], ["--all", "kvm1"]] {
            let line = ["host", "upgrade", "--as", "anna"] + wrong
            #expect(await runCLI(line, url: farm.coordinator.url).code == .usage)
        }
        await farm.coordinator.stop()
    }

    @Test("A host that is not reached, or fails a check, is not drained")
    func checksFirst() async throws {
        let machine = try await machine()
        let farm = try farm(machine)
        let away = await upgrade(machine, farm, "kvm2", "--drain")
        #expect(away.code == .refused && away.err.contains("ssh cannot connect to"), "\(away)")
        try machine.set("installed", "1.3.0-1")
        let newer = await upgrade(machine, farm, "kvm1", "--drain")
        #expect(newer.code == .refused && newer.err.contains("is newer than"), "\(newer)")
        #expect(!(away.err + newer.err).contains("stays drained"))
        #expect(farm.changes == [])
        await farm.coordinator.stop()
        let other = try self.farm(machine, key: "ssh-ed25519 AAAAOTHER")
        try machine.set("installed", "1.2.2-1")
        let unseen = await upgrade(machine, other, "kvm1", "--drain")
        #expect(unseen.code == .refused && unseen.err.contains("Host key mismatch"), "\(unseen)")
        #expect(other.changes == [])
        await other.coordinator.stop()
    }

    @Test("A host that somebody has drained is waited for, and stays drained")
    func drainedBefore() async throws {
        let machine = try await machine()
        let farm = try farm(machine)
        farm.drainAll(note: "new disks")
        // The checks and the drain look at it as well.
        farm.run(builds: 4)
        let ran = await upgrade(machine, farm, "kvm1", "--drain")
        #expect(ran.code == .ok, "\(ran)")
        for line in [
            "     Host kvm1 is drained already (new disks), and will stay so\n",
            "     Waiting for the 2 builds that it runs\n",
            "     Host kvm1 stays drained, as it was. Resume it: aibuild host resume kvm1\n",
        ] {
            #expect(ran.out.contains(line), "\(ran.out)")
        }
        #expect(farm.changes == [] && machine.installed == "1.2.3-1\n")
        let lines = farm.coordinator.lines
        let package = try #require(lines.firstIndex { $0.contains("/packages/") })
        let looks = lines[..<package].count { $0 == "GET /api/v1/hosts/kvm1" }
        #expect(looks == 5, "nothing ran when the package was fetched: \(lines)")
        await farm.coordinator.stop()
    }

    @Test("With a deadline, the drain of somebody gets it and keeps its reason")
    func deadlineOfADrainedHost() async throws {
        let machine = try await machine()
        let farm = try farm(machine)
        farm.drainAll(note: "new disks")
        let ran = await upgrade(machine, farm, "kvm1", "--drain", "--deadline", "2h")
        #expect(ran.code == .ok, "\(ran)")
        #expect(farm.changes == [Self.drained])
        #expect(
            farm.coordinator.bodies.contains(#"{"deadlineSeconds":7200,"note":"new disks"}"#),
            "\(farm.coordinator.bodies)")
        await farm.coordinator.stop()
    }

    @Test("A host whose upgrade fails after it was drained stays so, and says so")
    func staysDrained() async throws {
        let machine = try await machine()
        let farm = try farm(machine)
        try machine.set("broken", "")
        let ran = await upgrade(machine, farm, "kvm1", "--drain")
        #expect(ran.code == .refused)
        #expect(ran.err.contains("Broken packages"), "\(ran.err)")
        #expect(
            ran.err.contains("Host kvm1 stays drained. Resume it: aibuild host resume kvm1"),
            "\(ran.err)")
        #expect(farm.changes == [Self.drained])
        await farm.coordinator.stop()
    }
}
