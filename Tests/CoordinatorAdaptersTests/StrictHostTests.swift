import BuildProtocol
import CoordinatorCore
import Support
import Synchronization
import TestSupport
import Testing

/// Hosts whose sshd is set up more strictly than usual.
@Suite(.timeLimit(.minutes(3))) struct StrictHostTests {
    @Test(
        "Artifacts are read from a host with MaxSessions 1, few MaxStartups, a banner and rekeying")
    func strictServer() async throws {
        let folder = try TemporaryFolder()
        let banner = folder.path + "/banner"
        let words = String(repeating: "Authorized use only. \u{e9}\n", count: 40)
        try Files.replace(banner, with: words.utf8)
        let lines = ["MaxSessions 1", "MaxStartups 3:30:6", "Banner \(banner)", "RekeyLimit 1M"]
        try await LoneHost.run(sshd: lines) { lone in
            let fixture = try await GatewayFixture.overSSH(lone)
            let channel = try await fixture.ready()
            let start = fixture.start(1)
            try await channel.send(.start(start))
            let (_, finished) = try await channel.follow(start.attempt, from: 0)
            let artifact = try #require(finished.artifacts.first)
            // One after the other, on a connection that is kept; then two at once.
            for concurrency in [1, 1, 1, 2] {
                try await read(artifact, start, fixture, concurrency)
            }
            await channel.close()
        }
    }

    @Test("Transfers that sshd drops for its MaxStartups are begun again until it takes them")
    func oneLoginAtATime() async throws {
        try await LoneHost.run(sshd: ["MaxStartups 1:100:1"]) { lone in
            let fixture = try await GatewayFixture.overSSH(lone)
            let channel = try await fixture.ready()
            let start = fixture.start(1)
            try await channel.send(.start(start))
            let (_, finished) = try await channel.follow(start.attempt, from: 0)
            try await read(try #require(finished.artifacts.first), start, fixture, 6)
            #expect(lone.host.ssh.log.contains("MaxStartups"), "some were dropped")
            await channel.close()
        }
    }

    /// Reads an artifact by this many transfers at once.
    private func read(
        _ artifact: Artifact, _ start: Start, _ fixture: GatewayFixture, _ concurrency: Int
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrency {
                group.addTask {
                    let count = Mutex(0)
                    try await fixture.gateway.read(
                        artifact, of: start.attempt, from: fixture.host, offset: 0,
                        length: artifact.sizeBytes
                    ) { _, bytes in count.withLock { $0 += bytes.count } }
                    #expect(count.withLock { Int64($0) } == artifact.sizeBytes)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("A host is registered with lines of known_hosts") func knownHostsLines() async throws {
        try await LoneHost.run { lone in
            let fixture = try await GatewayFixture.overSSH(lone)
            var host = fixture.host
            let port = lone.host.ssh.port
            host.hostKey =
                "# 127.0.0.1:\(port) SSH-2.0-OpenSSH_9.2\n[127.0.0.1]:\(port) "
                + fixture.host.hostKey + "\n"
            #expect(try fixture.gateway.checked(host) == fixture.host)
            host.hostKey = "127.0.0.1 " + fixture.host.hostKey
            let fault = #expect(throws: HostFault.self) { try fixture.gateway.checked(host) }
            #expect(fault?.description.contains("no line for [127.0.0.1]:\(port)") == true)
        }
    }
}
