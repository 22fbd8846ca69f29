import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SSHKit
import Support
import TestSupport
import Testing

/// A host that was taken over and answers with what it likes, without end.
@Suite(.timeLimit(.minutes(2))) struct HostileHostTests {
    /// - Parameter command: what the host runs in place of the gate.
    private func with(
        _ command: String, _ body: (SSHHostGateway, Host) async throws -> Void
    ) async throws {
        var configuration = SSHServer.Configuration()
        configuration.authorizedKeyOptions = "restrict,command=\"\(command)\""
        let server = try await SSHServer.start(configuration)
        let gateway = try SSHHostGateway(identity: server.identity()) { _, _ in [] }
        let host = Host(
            name: "kvm0", address: server.endpoint.description,
            hostKey: try server.hostKey().description, createdMilliseconds: 0)
        try await body(gateway, host)
    }

    private let template = TemplateArchive(
        sha256: String(repeating: "a", count: 64), sizeBytes: 10)

    private var start: Start {
        Start(
            attempt: AttemptToken(high: 1, low: 2),
            build: .init(id: "b", guestOS: "g", number: 1, imageName: "g_1"), template: template,
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
    }

    @Test("Empty lines in place of the gate's are not read for ever")
    func emptyLines() async throws {
        try await with("yes ''") { gateway, host in
            let error = await #expect(throws: HostFault.self) {
                _ = try await gateway.check(start, on: host)
            }
            #expect(error?.description.contains("did not answer") == true)
            await #expect(throws: HostFault.self) { try await gateway.deliver(template, to: host) }
        }
    }

    @Test("Lines without an end of what is no answer are not read for ever")
    func wrongAnswers() async throws {
        let magic = ProtocolVersion.magicLine
        for said in ["echo \(magic); yes {}", "echo \(magic); yes | tr -d '\\\\n'"] {
            try await with(said) { gateway, host in
                await #expect(throws: HostFault.self) {
                    _ = try await gateway.check(start, on: host)
                }
            }
        }
    }

    @Test("A session of messages that are not known here ends")
    func unknownMessages() async throws {
        let magic = ProtocolVersion.magicLine
        for line in ["{\\\"type\\\":\\\"x\\\"}", ""] {
            try await with("echo \(magic); yes '\(line)'") { gateway, host in
                let error = await #expect(throws: HostFault.self) {
                    _ = try await gateway.open(host, epoch: 1)
                }
                #expect(error?.description.contains("lines in a row") == true, "\(error as Any)")
            }
        }
    }
}
