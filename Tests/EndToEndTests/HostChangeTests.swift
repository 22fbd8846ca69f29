import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// Hosts whose key is rotated, or that move, while they build.
@Suite(.timeLimit(.minutes(5))) struct HostChangeTests {
    @Test("A build runs on while its host gets another key and another address")
    func rotatedKey() async throws {
        try await withFarm(.init { $0.hasNetworks = true }) { farm in
            let build = try await farm.gatedBuild()
            let host = farm.hosts[0]
            let old = try host.ssh.hostKey().fingerprint
            host.ssh.crash()
            try await host.ssh.rotateHostKey()
            try await host.ssh.restart()
            let new = try host.ssh.hostKey().fingerprint
            #expect(old != new)
            let shown = try await farm.api.host("kvm0", is: "unreachable", saying: "known here by")
            #expect(shown.detail.contains(old) && shown.detail.contains(new), "\(shown.detail)")

            let wrong = try await farm.aibuild(["host", "change", "kvm0", "--fingerprint", old])
            #expect(wrong.status != .exited(0))
            _ = try await farm.api.host("kvm0", is: "unreachable", saying: "known here by")
            let said = try await farm.aibuild(["host", "change", "kvm0", "--fingerprint", new])
            #expect(said.status == .exited(0), "\(said.err)")
            _ = try await farm.api.host("kvm0", is: "ready")

            // It moves: the old address leads nowhere any more.
            let other = try TCPProxy(to: host.ssh.port)
            host.network?.set(.cut)
            _ = try await farm.api.host("kvm0", is: "unreachable")
            var place = host.ssh.endpoint
            place.port = other.port
            let moved = try await farm.aibuild([
                "host", "change", "kvm0", "--address", place.description, "--fingerprint", new,
            ])
            #expect(moved.status == .exited(0), "\(moved.err)")
            #expect(try await farm.api.host("kvm0", is: "ready").address == place.description)
            try farm.open("on")
            let passed = try await farm.expectWhole(build, at: farm.api)
            #expect(passed.attemptCount == 1)
        }
    }
}
