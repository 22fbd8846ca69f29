import TestSupport
import Testing

@testable import aibuild

/// `aibuild doctor HOST`
@Suite("Doctor of a host") struct HostFindingsTests {
    private func look(_ host: String) async throws -> Ran {
        let coordinator = try FakeCoordinator { router in
            router.say("GET", "/healthz", "{}")
            router.say("GET", "/readyz", "{}")
            router.say("GET", "/api/v1/version", #"{"version":"\#(CLI.version)","protocol":"1.2"}"#)
            router.say("GET", "/api/v1/hosts/{name}", host)
        }
        let ran = await coordinator.run("doctor", "kvm1")
        await coordinator.stop()
        return ran
    }

    @Test("A host without faults is good in every point")
    func good() async throws {
        let ran = try await look(
            """
            {"name":"kvm1","address":"a@b","state":"ready","slots":2,"running":1,
            "accelerators":["kvm","tcg"],"diskFreeBytes":99000000000,"diskTotalBytes":100000000000,
            "agentVersion":"\(CLI.version)","packerVersion":"1.6.6","qemuVersion":"7.2"}
            """)
        #expect(ran.code == .ok, "\(ran)")
        for line in [
            "ok   Host kvm1 is ready, 1 of 2 slots in use\n",
            "ok   Host kvm1: guests boot under KVM",
            "ok   Host kvm1: its agent is \(CLI.version), as the coordinator\n",
            "ok   Host kvm1: Packer 1.6.6\n",
        ] {
            #expect(ran.out.contains(line), "\(ran.out)")
        }
        // This coordinator does not say what a machine needs.
        #expect(ran.out.ranges(of: "warn").count == 1, "\(ran.out)")
    }

    @Test("Each fault of a host has its remedy")
    func faults() async throws {
        let ran = try await look(
            """
            {"name":"kvm1","address":"a@b","state":"ready","slots":1,"accelerators":["tcg"],
            "diskFreeBytes":1000000,"diskTotalBytes":100000000000,"clockSkewSeconds":7,
            "agentVersion":"0.0.1"}
            """)
        for line in [
            "warn Host kvm1 has no working KVM", "warn Host kvm1 is low on disk space",
            "→ Check that NTP is running there", "its agent is 0.0.1, the coordinator",
            "→ Upgrade it: aibuild host upgrade kvm1 --as USER", "has no Packer", "has no QEMU",
        ] {
            #expect(ran.out.contains(line), "\(ran.out)")
        }
        let away = try await look(
            #"{"name":"kvm1","address":"a@b","state":"unreachable","detail":"login refused"}"#)
        #expect(away.code == .buildFailed)
        #expect(away.out.contains("FAIL Host kvm1 is unreachable\n     → login refused\n"))
    }

    @Test("A host that is drained and unreachable shows both")
    func bothStates() async throws {
        let host = #"""
            {"name":"kvm1","address":"a@b","state":"unreachable","drained":true,
            "detail":"login refused; drained: new disks"}
            """#
        #expect(try await look(host).out.contains("FAIL Host kvm1 is unreachable, and drained\n"))
        try await withCoordinator({ $0.say("GET", "/api/v1/hosts", #"{"items":[\#(host)]}"#) }) {
            let ran = await $0.run("hosts")
            #expect(ran.out.contains("unreachable, drained"), "\(ran.out)")
            #expect(ran.out.contains("login refused; drained: new disks"))
        }
    }
}
