import BuildProtocol
import CoordinatorCore
import Support
import TestSupport
import Testing

/// The behaviour of every host gateway.
@Suite(.timeLimit(.minutes(3))) struct GatewayTests {
    @Test("An address or a host key that is malformed is refused", arguments: GatewayKind.allCases)
    func malformedHost(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            _ = try fixture.gateway.checked(fixture.host)
            var wrong = fixture.host
            wrong.address = "kvm0"
            #expect(throws: HostFault.self) { try fixture.gateway.checked(wrong) }
            wrong = fixture.host
            wrong.hostKey = ""
            #expect(throws: HostFault.self) { try fixture.gateway.checked(wrong) }
            // The scanned key is one that can be registered.
            var scanned = fixture.host
            scanned.hostKey = try await fixture.gateway.scanHostKey(fixture.host.address).key
            _ = try fixture.gateway.checked(scanned)
        }
    }

    @Test("A later epoch ends the sessions of earlier ones", arguments: GatewayKind.allCases)
    func epochs(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            let old = try await fixture.open(epoch: 5)
            #expect(old.hello.host.slots == 2 && old.hello.attempts.isEmpty)
            let new = try await fixture.open(epoch: 6)
            // Ended with an error or without one.
            while let message = try? await old.next() {
                if case .error(let report) = message { #expect(report.code == .deposed) }
            }
            await #expect(throws: HostFault.self) { _ = try await fixture.open(epoch: 5) }
            try await new.send(.ping(Ping(id: 7)))
            guard case .pong(let pong) = try await new.answer() else {
                throw Failure("no pong")
            }
            #expect(pong.id == 7)
            await new.close()
            await #expect(throws: HostFault.self) { try await new.send(.ping(Ping(id: 8))) }
        }
    }

    @Test("A start without its template is refused", arguments: GatewayKind.allCases)
    func missingTemplate(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            let channel = try await fixture.open()
            #expect(channel.hello.templates.isEmpty)
            let start = fixture.start(1)
            #expect(try await channel.refusal(of: .start(start)) == .templateMissing)
            for _ in 1...2 {
                try await fixture.gateway.deliver(fixture.template, to: fixture.host)
            }
            let again = try await fixture.open()
            #expect(again.hello.templates == [fixture.template.sha256])
            await again.close()
        }
    }

    @Test("A plugin is installed once its file is there", arguments: GatewayKind.allCases)
    func plugins(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            let channel = try await fixture.open()
            let platform = try #require(channel.hello.host.pluginPlatform)
            // The content does not matter.
            let plugin = PackerPlugin(
                file: "github.com/a/b/packer-plugin-b_v1.2.3_x5.0_\(platform)",
                sha256: fixture.template.sha256, sizeBytes: fixture.template.sizeBytes)
            func missing(_ plugins: [PackerPlugin]) async throws -> [String] {
                try await channel.send(.plugins(HandedOutPlugins(plugins: plugins)))
                guard case .plugins(let answer) = try await channel.answer() else {
                    throw Failure("no answer")
                }
                return answer.missing
            }
            #expect(try await missing([plugin]) == [plugin.sha256])
            try await fixture.gateway.deliver(fixture.template, to: fixture.host)
            for _ in 1...2 { #expect(try await missing([plugin]) == []) }
            let again = try await fixture.open()
            #expect(again.hello.host.packerPlugins == ["github.com/a/b": ["1.2.3"]])
            #expect(again.hello.templates.isEmpty)
            await again.close()
            await channel.close()
        }
    }

    @Test("An attempt is followed to its end by cursor", arguments: GatewayKind.allCases)
    func followedAttempt(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            var channel = try await fixture.ready()
            let start = fixture.start(1)
            // Sent twice, it is one attempt.
            for _ in 1...2 { try await channel.send(.start(start)) }
            let (log, finished) = try await channel.follow(start.attempt, from: 0)
            #expect(log.contains(GatewayFixture.line))
            #expect(finished.attempt == start.attempt && finished.outcome.passed)
            #expect(finished.logBytes == Int64(log.utf8.count))
            #expect(finished.logSHA256 == SHA256.hex(log.utf8))
            #expect(finished.artifacts.map(\.sizeBytes) == [Int64(GatewayFixture.image.count)])
            #expect(finished.artifacts.map(\.sha256) == [SHA256.hex(GatewayFixture.image)])
            await channel.close()

            channel = try await fixture.open()
            let summary = try #require(channel.hello.attempts.first)
            #expect(summary.attempt == start.attempt && summary.state == .finished)
            #expect(summary.logBytes == finished.logBytes)
            let end = try await channel.follow(start.attempt, from: finished.logBytes)
            #expect(end.0.isEmpty && end.1 == finished)

            try await channel.send(.forget(Forget(attempt: start.attempt)))
            let follow = CoordinatorMessage.follow(Follow(attempt: start.attempt, cursor: 0))
            #expect(try await channel.refusal(of: follow) == .unknownAttempt)
            await channel.close()
        }
    }

    @Test("An artifact is read from any offset", arguments: GatewayKind.allCases)
    func artifacts(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            let channel = try await fixture.ready()
            let start = fixture.start(1)
            try await channel.send(.start(start))
            let (_, finished) = try await channel.follow(start.attempt, from: 0)
            let artifact = try #require(finished.artifacts.first)
            for range in [0..<artifact.sizeBytes, 4_999_000..<artifact.sizeBytes, 17..<1_000_017] {
                let pulled = Pulled()
                try await fixture.gateway.read(
                    artifact, of: start.attempt, from: fixture.host, offset: range.lowerBound,
                    length: Int64(range.count)
                ) { try await pulled.add($1, at: $0, after: range.lowerBound) }
                #expect(await pulled.bytes.count == range.count)
                #expect(await pulled.bytes.allSatisfy { $0 == 0x78 })
            }
            // The sink's own error is rethrown, and the next transfer works.
            await #expect(throws: Failure.self) {
                try await fixture.gateway.read(
                    artifact, of: start.attempt, from: fixture.host, offset: 0,
                    length: artifact.sizeBytes
                ) { _, _ in throw Failure("the disk is full") }
            }
            var unknown = artifact
            unknown.name = "another.raw"
            await #expect(throws: HostFault.self) {
                try await fixture.gateway.read(
                    unknown, of: start.attempt, from: fixture.host, offset: 0, length: 1
                ) { _, _ in }
            }
            await channel.close()
        }
    }

    @Test("A cancelled attempt ends once, as cancelled", arguments: GatewayKind.allCases)
    func cancelledAttempt(_ kind: GatewayKind) async throws {
        try await kind.with { fixture in
            let channel = try await fixture.ready()
            let start = fixture.start(1, hangs: true)
            let cancel = CoordinatorMessage.cancel(
                Cancel(attempt: start.attempt, reason: "obsolete"))
            #expect(try await channel.refusal(of: cancel) == .unknownAttempt)
            try await channel.send(.start(start))
            for _ in 1...2 { try await channel.send(cancel) }
            let (_, finished) = try await channel.follow(start.attempt, from: 0)
            #expect(finished.outcome.fault?.class == .cancelled)
            try await channel.send(cancel)
            let again = try await channel.follow(start.attempt, from: finished.logBytes)
            #expect(again.1 == finished)
            await channel.close()
        }
    }
}

private actor Pulled {
    private(set) var bytes: [UInt8] = []

    func add(_ piece: [UInt8], at offset: Int64, after start: Int64) throws {
        guard offset == start + Int64(bytes.count) else { throw Failure("a gap at \(offset)") }
        bytes += piece
    }
}
