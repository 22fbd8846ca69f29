import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import Synchronization
import TestSupport
import Testing

/// Plugins of the coordinator on their way to its hosts.
@Suite struct PluginTests {
    private final class Library: PluginLibrary {
        let listed: Mutex<Result<[PackerPlugin], Failure>>
        init(_ plugins: [PackerPlugin]) { listed = Mutex(.success(plugins)) }
        func plugins() async throws -> [PackerPlugin] { try listed.withLock { $0 }.get() }
        func list(_ new: Result<[PackerPlugin], Failure>) { listed.withLock { $0 = new } }
    }

    private static let platform = "linux_amd64"

    private func plugin(
        _ letter: String, _ version: String = "1.0.9", platform: String = Self.platform
    ) -> PackerPlugin {
        PackerPlugin(
            file: "github.com/a/b/packer-plugin-b_v\(version)_x5.0_\(platform)",
            sha256: String(repeating: letter, count: 64), sizeBytes: 10)
    }

    private func farm(_ library: Library, hosts: Int = 1) async throws -> TestFarm {
        let farm = try await TestFarm(hosts: hosts)
        farm.plugins.withLock { $0 = library }
        await farm.agents[0].change { $0.report.pluginPlatform = Self.platform }
        return farm
    }

    private func has(_ farm: TestFarm, _ plugins: Set<PackerPlugin>) async throws {
        try await eventually("h0 has \(plugins.map(\.file))") {
            // An offer is left out while an earlier one is being carried out.
            await farm.clock.advance(milliseconds: 1000)
            return await farm.agents[0].base.agent("h0")?.plugins == plugins
        }
    }

    private func pass(_ farm: TestFarm) async {
        await farm.clock.advance(milliseconds: ServiceLimits().pluginMilliseconds)
    }

    private func offers(_ agent: FakeAgent) async -> Int {
        await agent.count { if case .plugins = $0 { true } else { false } }
    }

    @Test(
        "A host gets the plugins of its platform, which its report then has, and loses them again")
    func delivery() async throws {
        let (first, second) = (plugin("a"), plugin("b", "1.1.0"))
        let library = Library([first, plugin("c", platform: "linux_arm64")])
        let farm = try await farm(library, hosts: 2)
        try await farm.run { coordinator in
            try await has(farm, [first])
            library.list(.success([first, second]))
            try await has(farm, [first, second])
            try await eventually("the report has them") {
                await farm.clock.advance(milliseconds: 1000)
                return try await coordinator.leading().hosts.snapshot("h0").report?.packerPlugins
                    == ["github.com/a/b": ["1.0.9", "1.1.0"]]
            }
            library.list(.success([]))
            try await has(farm, [])
            // Older agents, and hosts with a folder of their own, are told nothing.
            #expect(await offers(farm.agents[1]) == 0)
        }
    }

    @Test("A delivery that fails is tried again, and does not keep others back")
    func failedDelivery() async throws {
        let plugins = [plugin("a"), plugin("b", "1.1.0")]
        let farm = try await farm(Library(plugins))
        farm.gateway.failDeliveries(1)
        try await farm.run { _ in
            try await has(farm, [plugins[1]])
            try await has(farm, Set(plugins))
        }
    }

    @Test("A session that is cut changes nothing: the host is offered all of them again")
    func cutSession() async throws {
        let farm = try await farm(Library([plugin("a")]))
        farm.gateway.failDeliveries(1)
        try await farm.run { coordinator in
            try await eventually("it was offered") { await offers(farm.agents[0]) > 0 }
            await farm.agents[0].cut()
            try await eventually("it is connected again, and has the plugin") {
                await farm.clock.advance(milliseconds: 2000)
                return await farm.agents[0].base.agent("h0")?.plugins.count == 1
            }
        }
    }

    @Test("A host that lacks a plugin again and again is sent it once a minute")
    func hostileAgent() async throws {
        let farm = try await farm(Library([plugin("a")]))
        try await farm.run { _ in
            try await has(farm, [plugin("a")])
            let before = farm.gateway.deliveries
            for _ in 1...50 {
                await farm.agents[0].send(
                    .plugins(MissingPlugins(missing: [plugin("a").sha256, "no digest"])))
                // It is carried out, if it is.
                await farm.clock.advance(milliseconds: 1)
            }
            #expect(farm.gateway.deliveries <= before + 1)
        }
    }

    @Test("While the plugins cannot be listed, hosts keep what they have")
    func unreadable() async throws {
        let library = Library([plugin("a")])
        let farm = try await farm(library)
        try await farm.run { _ in
            try await has(farm, [plugin("a")])
            library.list(.failure(Failure("the disk is away")))
            await pass(farm)
            await pass(farm)
            try await has(farm, [plugin("a")])
            library.list(.success([plugin("b", "1.1.0")]))
            try await has(farm, [plugin("b", "1.1.0")])
        }
    }
}
