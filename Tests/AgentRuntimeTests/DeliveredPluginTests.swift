import AgentCore
import BuildProtocol
import Glibc
import ProcessKit
import Support
import TestSupport
import Testing

/// Plugins that the coordinator hands out, as a real agent installs and removes them.
@Suite struct DeliveredPluginTests {
    private static let platform: String = {
        #if arch(arm64)
            "linux_arm64"
        #else
            "linux_amd64"
        #endif
    }()

    private static let source = "github.com/hashicorp/qemu"

    private func plugin(
        _ content: String, version: String = "1.0.9", platform: String = Self.platform,
        in source: String = Self.source
    ) -> PackerPlugin {
        PackerPlugin(
            file: "\(source)/packer-plugin-qemu_v\(version)_x5.0_\(platform)",
            sha256: SHA256.hex(content.utf8), sizeBytes: Int64(content.utf8.count))
    }

    private func path(_ plugin: PackerPlugin, _ agent: TestAgent) -> String {
        "\(agent.state.packerPlugins)/\(plugin.file)"
    }

    private func text(_ path: String) -> String? {
        (try? Files.read(path, limitBytes: 1000)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Hands out plugins, and returns what the agent lacks.
    private func handOut(
        _ plugins: [PackerPlugin], _ client: TestClient
    ) async throws -> [String] {
        try await client.send(.plugins(HandedOutPlugins(plugins: plugins)))
        guard case .plugins(let answer) = try await client.answer() else {
            throw Failure("no answer")
        }
        return answer.missing
    }

    private func deliver(_ content: String, _ agent: TestAgent) async throws {
        _ = try await agent.deliver(Array(content.utf8))
    }

    private func report(_ agent: TestAgent) async throws -> HostReport {
        let client = try await TestClient(agent.state.socket)
        defer { client.close() }
        return try await client.greet().host
    }

    @Test(
        "A plugin that is handed out is installed as Packer does it, and removed with its folders")
    func installAndRemove() async throws {
        try await withAgent { agent, client in
            let (old, new) = (plugin("old"), plugin("new", version: "1.1.0"))
            #expect(try await report(agent).pluginPlatform == Self.platform)
            #expect(try await handOut([old, new], client) == [old.sha256, new.sha256])
            try await deliver("old", agent)
            #expect(try await handOut([old, new], client) == [new.sha256])
            try await deliver("new", agent)
            #expect(try await handOut([old, new], client) == [])
            #expect(try await handOut([old, new], client) == [])

            #expect(text(path(old, agent)) == "old")
            #expect(text(path(old, agent) + "_SHA256SUM") == old.sha256)
            #expect(Files.mode(path(old, agent)) == 0o755)
            let has = try await report(agent)
            #expect(has.packerPlugins == [Self.source: ["1.0.9", "1.1.0"]])
            // Nothing is left among the templates.
            #expect(try Files.list(agent.state.templates) == [])

            #expect(try await handOut([new], client) == [])
            #expect(try await report(agent).packerPlugins == [Self.source: ["1.1.0"]])
            // The list of what is the coordinator's is on the disk.
            try await agent.restartDaemon()
            let next = try await agent.connect()
            #expect(try await handOut([], next) == [])
            #expect(try Files.list(agent.state.packerPlugins) == [])
        }
    }

    @Test("The host's report follows the installation by itself")
    func reported() async throws {
        try await withAgent { agent, client in
            let plugin = plugin("content")
            try await deliver("content", agent)
            try await client.send(.plugins(HandedOutPlugins(plugins: [plugin])))
            while true {
                guard case .host(let report) = try await client.next() else { continue }
                #expect(report.packerPlugins == [Self.source: ["1.0.9"]])
                break
            }
        }
    }

    @Test("A plugin with another content takes the place of the one before it")
    func replaced() async throws {
        try await withAgent { agent, client in
            try await deliver("before", agent)
            #expect(try await handOut([plugin("before")], client) == [])
            #expect(try await handOut([plugin("after")], client) == [plugin("after").sha256])
            #expect(text(path(plugin("before"), agent)) == "before", "until the new one is here")
            try await deliver("after", agent)
            #expect(try await handOut([plugin("after")], client) == [])
            #expect(text(path(plugin("after"), agent)) == "after")
            #expect(text(path(plugin("after"), agent) + "_SHA256SUM") == plugin("after").sha256)
        }
    }

    @Test("What the host's administrator installed is neither replaced nor removed")
    func administratorsPlugins() async throws {
        try await withAgent { agent, client in
            let (theirs, ours) = (plugin("ours"), plugin("mine", version: "2.0.0"))
            try Files.makeFolder(Files.folder(of: path(theirs, agent)))
            try Files.replace(path(theirs, agent), with: "theirs".utf8)
            for content in ["ours", "mine"] { try await deliver(content, agent) }
            #expect(try await handOut([theirs, ours], client) == [])
            #expect(text(path(theirs, agent)) == "theirs")
            #expect(text(path(ours, agent)) == "mine")

            // Replaced by hand, the coordinator's becomes theirs.
            try Files.replace(path(ours, agent), with: "by hand".utf8)
            try Files.replace(path(ours, agent) + "_SHA256SUM", with: "f00".utf8)
            #expect(try await handOut([theirs, ours], client) == [])
            #expect(try await handOut([], client) == [])
            #expect(text(path(theirs, agent)) == "theirs")
            #expect(text(path(ours, agent)) == "by hand")
        }
    }

    @Test("A plugin that somebody deleted comes back, and so does one whose installation was cut")
    func deleted() async throws {
        try await withAgent { agent, client in
            let plugin = plugin("content")
            try await deliver("content", agent)
            #expect(try await handOut([plugin], client) == [])
            try Files.remove(path(plugin, agent))
            #expect(try await handOut([plugin], client) == [plugin.sha256])
            // Listed, with a checksum and no file: as after a crash.
            #expect(text(path(plugin, agent) + "_SHA256SUM") != nil)
            try await deliver("content", agent)
            #expect(try await handOut([plugin], client) == [])
            #expect(text(path(plugin, agent)) == "content")
        }
    }

    @Test("Names that lead elsewhere, and plugins of other platforms, are refused with a notice")
    func wrongNames() async throws {
        try await withAgent { agent, client in
            let wrong = [
                plugin("x", in: "../../evil/qemu"), plugin("x", in: "/evil/qemu"),
                plugin("x", platform: "linux_s390x"), plugin("x", in: "qemu"),
            ]
            try await deliver("x", agent)
            #expect(try await handOut(wrong, client) == [])
            #expect(try Files.list(agent.state.packerPlugins) == [])
            #expect(!Files.exists(agent.folder.path + "/evil"))
            let notices = try await report(agent).notices
            #expect(
                notices.filter { $0.contains("which this agent does not install") }.count == 4,
                "\(notices)")
            #expect(try await handOut([], client) == [])
            #expect(try await report(agent).notices.count == notices.count - 4)
        }
    }

    @Test("A link among the plugins leads nothing out of their folder")
    func links() async throws {
        try await withAgent { agent, client in
            let other = try TemporaryFolder()
            guard symlink(other.path, "\(agent.state.packerPlugins)/github.com") == 0 else {
                throw SystemError.last("cannot make a link")
            }
            try await deliver("content", agent)
            #expect(try await handOut([plugin("content")], client) == [])
            #expect(try Files.list(other.path) == [])
            let notices = try await report(agent).notices
            #expect(notices.contains { $0.contains("is a link or a file") }, "\(notices)")
        }
    }

    @Test("A host whose agent.yml names a folder of plugins takes none from the coordinator")
    func ownFolder() async throws {
        let folder = try TemporaryFolder()
        try await withAgent(TestAgent.withoutQEMU + "packer_plugins: \(folder.path)\n") {
            agent, client in
            #expect(try await report(agent).pluginPlatform == nil)
            try await deliver("content", agent)
            #expect(try await handOut([plugin("content")], client) == [])
            #expect(try Files.list(folder.path) == [])
            #expect(try Files.list(agent.state.packerPlugins) == [])
        }
    }

    @Test("A plugin for which the disk has no room is not asked for, with a notice")
    func fullDisk() async throws {
        let agent = try TestAgent()
        try await withTmpfs(agent.state.root, size: "300m") {
            try await agent.serve {
                let client = try await agent.connect()
                var large = plugin("large")
                large.sizeBytes = 100 << 20
                let small = plugin("small", version: "1.1.0")
                #expect(try await handOut([large, small], client) == [small.sha256])
                let notices = try await report(agent).notices
                #expect(notices.contains { $0.contains("there is no room") }, "\(notices)")
            }
        }
    }

    @Test("A file that is not the one of its digest is not installed")
    func wrongContent() async throws {
        try await withAgent { agent, client in
            let plugin = plugin("content")
            let answer = try await agent.gate(
                "receive \(plugin.sha256) \(plugin.sizeBytes)", stdin: Array("CONTENT".utf8))
            #expect(answer.stdoutText.contains("the archive's SHA-256 is"), "\(answer)")
            let cut = try await agent.gate(
                "receive \(plugin.sha256) \(plugin.sizeBytes)", stdin: Array("cont".utf8))
            #expect(cut.stdoutText.contains("ends after 4 of 7 bytes"), "\(cut)")
            #expect(try await handOut([plugin], client) == [plugin.sha256])
            #expect(try Files.list(agent.state.templates) == [])
        }
    }

    @Test("Only the leading coordinator decides which plugins there are")
    func epochs() async throws {
        try await withAgent { agent in
            let old = try await TestClient(agent.state.socket)
            _ = try await old.greet(epoch: 5)
            try await deliver("content", agent)
            #expect(try await handOut([plugin("content")], old) == [])
            let new = try await TestClient(agent.state.socket)
            _ = try await new.greet(epoch: 6)
            try? await old.send(.plugins(HandedOutPlugins(plugins: [])))
            try await new.send(.ping(Ping(id: 1)))
            _ = try await new.answer()
            #expect(text(path(plugin("content"), agent)) == "content")
            #expect(try await handOut([], new) == [])
            #expect(text(path(plugin("content"), agent)) == nil)
        }
    }
}
