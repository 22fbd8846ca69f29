import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// The host gateways that pass the same suite, each with one host and a running agent.
enum GatewayKind: CaseIterable {
    case memory, ssh

    func with(_ body: (GatewayFixture) async throws -> Void) async throws {
        switch self {
        case .memory: try await body(GatewayFixture.inMemory())
        case .ssh: try await LoneHost.run { try await body(GatewayFixture.overSSH($0)) }
        }
    }
}

struct GatewayFixture {
    let gateway: any HostGateway
    let host: Host
    /// Its program prints a line, waits for a cancel if it is named `hang`, and makes `image`.
    let template: TemplateArchive

    static let line = "hello from the template"
    /// Larger than one piece of a transfer.
    static let image = [UInt8](repeating: 0x78, count: 5_000_000)

    // MARK: In memory

    static func inMemory() -> GatewayFixture {
        let report = HostReport(
            slots: 2, vcpus: 8, memoryBytes: 32 << 30, diskFreeBytes: 500 << 30,
            diskTotalBytes: 500 << 30, accelerators: [.tcg], tags: [],
            pluginPlatform: "linux_amd64", unixMilliseconds: 1_795_258_192_000)
        let agent = InMemoryAgent(name: "kvm0", report: report) { SHA256.hex($0) }
        let gateway = InMemoryHostGateway([agent]) { start, agent in
            let record = "{\"t\":1,\"s\":\"out\",\"m\":\"\(line)\"}\n"
            let written = agent.write(start.attempt, Array(record.utf8))
            if start.build.id == hanging { return written }
            return written
                + agent.finish(
                    start.attempt, Outcome(exitCode: 0),
                    artifacts: [(name: "a b.raw", format: .raw, content: image)])
        }
        return GatewayFixture(
            gateway: gateway,
            host: Host(
                name: "kvm0", address: "aibuild@kvm0:22", hostKey: "ssh-ed25519 AAAA",
                createdMilliseconds: 0),
            template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 10))
    }

    // MARK: Over SSH

    static func overSSH(_ lone: LoneHost) async throws -> GatewayFixture {
        let archive = try await archive()
        let gateway = try SSHHostGateway(identity: .keyFile(path: lone.keyFile)) { _, offset in
            Array(archive.dropFirst(Int(offset)).prefix(64 << 10))
        }
        let host = Host(
            name: lone.host.name, address: lone.host.address,
            hostKey: try lone.host.ssh.hostKey().description, createdMilliseconds: 0)
        try await eventually("the agent listens") {
            let channel = try? await gateway.open(host, epoch: 0)
            await channel?.close()
            return channel != nil
        }
        return GatewayFixture(
            gateway: gateway, host: host,
            template: TemplateArchive(
                sha256: SHA256.hex(archive), sizeBytes: Int64(archive.count)))
    }

    private static func archive() async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let script = """
            #!/bin/sh
            echo \(line)
            if [ "$AIBUILD_VAR_build" = \(hanging) ]; then sleep 600; fi
            head -c \(image.count) /dev/zero | tr '\\0' x > "$AIBUILD_OUTPUT/a b.raw"
            """
        try Files.replace(folder.path + "/build", with: script.utf8, mode: 0o755)
        let tar = try await Command(
            ["tar", "-C", folder.path, "-cf", folder.path + "/template.tar", "build"],
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(tar.status.isSuccess, "\(tar.stderrText)")
        return try Files.read(folder.path + "/template.tar", limitBytes: 1 << 20)
    }

    // MARK: Both

    private static let hanging = "hang"

    func start(_ number: UInt64, hangs: Bool = false) -> Start {
        let build = hangs ? Self.hanging : "b1"
        return Start(
            attempt: AttemptToken(high: 7, low: number),
            build: BuildDescription(
                id: build, guestOS: "g", number: 1, imageName: "gx86_64_20261121_1"),
            template: template,
            recipe: BuildRecipe(builder: .command(["./build"]), variables: ["build": build]),
            requirements: Requirements(memoryBytes: 1 << 20, diskBytes: 1 << 20),
            limits: AttemptLimits(totalSeconds: 300, silenceSeconds: 200))
    }

    func open(epoch: Int64 = 1) async throws -> any HostChannel {
        try await gateway.open(host, epoch: epoch)
    }

    /// A session on a host that has the template.
    func ready() async throws -> any HostChannel {
        try await gateway.deliver(template, to: host)
        return try await open()
    }
}

extension HostChannel {
    /// The next message that concerns an attempt or answers a ping.
    func answer() async throws -> AgentMessage {
        while let message = try await next() {
            if case .host = message { continue }
            return message
        }
        throw Failure("the agent ended the session")
    }

    /// Follows an attempt from `cursor` to its end.
    func follow(_ token: AttemptToken, from cursor: Int64) async throws -> (String, Finished) {
        try await send(.follow(Follow(attempt: token, cursor: cursor)))
        var log = ""
        while true {
            switch try await answer() {
            case .log(let chunk):
                #expect(chunk.attempt == token)
                #expect(chunk.cursor == cursor + Int64(log.utf8.count), "no gap, nothing twice")
                log += chunk.data
            case .finished(let finished): return (log, finished)
            default: continue
            }
        }
    }

    /// The code of the error that answers a message.
    func refusal(of message: CoordinatorMessage) async throws -> ErrorReport.Code? {
        try await send(message)
        while true {
            switch try await answer() {
            case .error(let report): return report.code
            case .pong: return nil
            default: continue
            }
        }
    }
}
