import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Hosts whose sshd allows as little as its configuration can.
@Suite(.timeLimit(.minutes(5))) struct StrictServerTests {
    /// A client that connects and does not log in.
    private final class Silent {
        private let client: Int32

        init(port: UInt16) throws {
            client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard client >= 0, LoopbackSocket.connect(client, port: port) else {
                throw SystemError.last("cannot connect")
            }
        }

        deinit { close(client) }

        var isGreeted: Bool {
            var bytes = [UInt8](repeating: 0, count: 4)
            return recv(client, &bytes, 4, Int32(MSG_PEEK | MSG_DONTWAIT)) == 4
                && bytes == Array("SSH-".utf8)
        }
    }

    private static let lines = ["MaxStartups 1:100:1", "MaxSessions 1", "LoginGraceTime 600"]

    @Test("A host that takes one login at a time, and then none, builds once it takes one again")
    func oneLoginAtATime() async throws {
        let setup = Farm.Setup {
            $0.sshdLines = Self.lines
            $0.hasNetworks = true
        }
        try await withFarm(setup) { farm in
            let host = farm.hosts[0]
            try await farm.script(
                "debian",
                "echo begun; \(Scripts.gate(farm, "on")); \(Scripts.image(3_000_000))")
            // Their templates and images are transferred at the same time.
            let builds = [try await farm.api.submit("debian"), try await farm.api.submit("debian")]
            for build in builds { try await farm.api.logs(build, "begun") }

            host.network?.set(.cut)
            _ = try await farm.api.host("kvm0", is: "unreachable")
            do {
                let silent = try Silent(port: host.ssh.port)
                try await eventually("the silent client is the one that may log in") {
                    silent.isGreeted
                }
                host.network?.set(.open)
                _ = try await farm.api.host("kvm0", is: "unreachable", saying: "MaxStartups")
                #expect(host.ssh.log.contains("MaxStartups"), "\(host.ssh.log)")
                try farm.open("on")
                #expect(silent.isGreeted)
            }
            for build in builds {
                let ended = try await farm.api.end(of: build)
                #expect(ended.state == "passed", "\(ended)")
                #expect(ended.attemptCount == 1, "\(ended.attempts as Any)\n\(farm.report)")
            }
        }
    }
}
