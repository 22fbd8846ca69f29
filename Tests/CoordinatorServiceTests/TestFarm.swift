import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Support
import Synchronization
import TestSupport
import Testing

/// A coordinator with all of its environment in memory.
final class TestFarm: Sendable {
    let clock = ManualClock()
    let store: any Store & LeaseStore
    /// The epoch with which the farm's default coordinator leads.
    let epoch: LeaseEpoch
    let gateway: FakeGateway
    let logs = FaultyLogs()
    let webRoot: FaultyWebRoot
    let templates = FakeTemplates()
    let sheets = FakeSheets()
    let agents: [FakeAgent]
    let target: FakeTarget
    /// Applies to coordinators that are created from now on.
    let retention = Mutex<RetentionPolicy?>(nil)
    let retentionGraceMilliseconds = Mutex<Int64>(0)
    let secretSources = Mutex<[String: any SecretSource]>([:])
    let timeZones = Mutex<(any TimeZones)?>(nil)
    let imageRemover = Mutex<(any RemoteImageRemover)?>(nil)
    let plugins = Mutex<(any PluginLibrary)?>(nil)

    let templateServer: FakeTemplateServer?

    init(
        hosts: Int = 2, slots: Int = 2, store: any Store & LeaseStore = InMemoryStore(),
        templateServer: FakeTemplateServer? = nil
    ) async throws {
        self.store = store
        epoch = try await store.lead(milliseconds: -1)
        self.templateServer = templateServer
        gateway = FakeGateway(clock: clock)
        webRoot = FaultyWebRoot(clock: clock)
        target = FakeTarget(clock: clock)
        agents = (0..<hosts).map { FakeAgent("h\($0)", slots: slots) }
        for agent in agents {
            gateway.add(agent)
            try await store.leading(epoch).add(
                Host(
                    name: agent.name, address: "aibuild@\(agent.name):22",
                    hostKey: "ssh-ed25519 AAAA", createdMilliseconds: 0))
        }
        try await leader.add(
            GuestOS(
                id: "os-1", name: "debian", type: .linux, distro: "", version: "", baseISO: "",
                template: .folder(path: "/t"), owner: "team", createdMilliseconds: 0))
    }

    /// The store, as the farm's default coordinator writes to it.
    var leader: any LeaderStore { store.leading(epoch) }

    /// The ports of a coordinator of this farm.
    var ports: Ports {
        var ports = Ports(
            store: store, gateway: gateway, logs: logs, webRoot: webRoot, templates: templates,
            clock: clock, ids: clock, sheets: sheets,
            targets: [.registry: target, .openstack: target],
            templateServer: templateServer,
            hooks: templateServer == nil ? [] : [FakeTemplateServer.hook],
            secretSources: secretSources.withLock(\.self),
            retention: retention.withLock(\.self),
            retentionGraceMilliseconds: retentionGraceMilliseconds.withLock(\.self),
            timeZones: timeZones.withLock(\.self))
        ports.imageRemover = imageRemover.withLock(\.self)
        ports.plugins = plugins.withLock(\.self)
        return ports
    }

    /// A coordinator as a new process would create it, with the same store and hosts.
    /// - Parameter life: how long it reaches the world; for ever without one.
    func coordinator(
        _ life: Life? = nil, epoch: LeaseEpoch? = nil
    ) async throws -> Coordinator {
        let coordinator = Coordinator(ports: life?.ports(ports) ?? ports)
        do { try await coordinator.lead(epoch ?? self.epoch) } catch {
            await coordinator.stop()
            throw error
        }
        return coordinator
    }

    /// A running coordinator with all hosts connected. It is stopped at the end.
    func run(_ body: (Coordinator) async throws -> Void) async throws {
        let coordinator = try await coordinator()
        do {
            try await connected(coordinator)
            try await body(coordinator)
        } catch {
            await coordinator.stop()
            throw error
        }
        await coordinator.stop()
    }

    /// A running coordinator that has been given one build. It is stopped at the end.
    func runBuild(_ body: (Coordinator, Build) async throws -> Void) async throws {
        try await run { coordinator in try await body(coordinator, submit(coordinator)) }
    }

    func connected(_ coordinator: Coordinator) async throws {
        for agent in agents where await agent.isUp {
            try await eventually("\(agent.name) is connected") {
                let state = try await coordinator.leading().hosts.snapshot(agent.name).state
                return !["connecting", "unreachable"].contains(state)
            }
        }
    }

    func submit(_ coordinator: Coordinator, priority: Int = 0) async throws -> Build {
        try await coordinator.leading().submission.submit(
            guestOS: "debian", priority: priority, owner: nil, reason: "test", by: "anna")
    }

    /// As another coordinator does that lost the host: the attempt ends, the build is queued.
    func giveBack(_ build: Build, _ token: AttemptToken) async throws {
        let fault = Fault(.infrastructure, .hostLost, "said the old one")
        let change = BuildChange(
            build: build.id, from: [.building], owner: token, to: .queued,
            atMilliseconds: 0, end: AttemptEnd(outcome: Outcome(fault: fault)), fault: fault)
        _ = try #require(try await leader.apply(change))
    }

    // MARK: Hooks

    /// A delivery of the hook once the coordinator has handled it.
    func deliver(_ report: GitReport, _ coordinator: Coordinator) async throws -> Delivery {
        let stored = try await receive(report)
        try coordinator.leading().deliveries.wake()
        return try await handled(stored)
    }

    /// Stores a delivery as the API does, and leaves it to whoever leads.
    func receive(_ report: GitReport) async throws -> Delivery {
        try await store.receive(
            Delivery(
                hook: FakeTemplateServer.hook.name, key: clock.randomID(), event: "Push Hook",
                receivedMilliseconds: clock.unixMilliseconds(), reports: [report]),
            payload: "{}")
    }

    func handled(_ delivery: Delivery) async throws -> Delivery {
        try await eventually("delivery \(delivery.id) is handled") {
            let now = try #require(try await store.delivery(id: delivery.id))
            return now.state == .queued ? nil : now
        }
    }

    // MARK: Waiting

    /// The build once it is in one of the states. If `passing` is set, that many milliseconds pass
    /// between two checks.
    @discardableResult
    func wait(
        _ build: Build, _ states: BuildState..., passing milliseconds: Int64 = 0
    ) async throws -> Build {
        let wanted = Set(states)
        var last = "unknown"
        return try await eventually("\(build.id) is \(states), it is \(last)") {
            let now = try #require(try await store.build(id: build.id))
            last = now.state.rawValue
            if wanted.contains(now.state) { return now }
            await clock.advance(milliseconds: milliseconds)
            return nil
        }
    }

    /// The token of the attempt that runs on the host.
    func attempt(on agent: FakeAgent) async throws -> AttemptToken {
        try await eventually("an attempt runs on \(agent.name)") { await agent.running.first }
    }

    func faults(_ build: Build) async throws -> [String] {
        try await store.attempts(ofBuild: build.id).map {
            "\($0.host) \($0.outcome?.fault?.code.rawValue ?? ($0.outcome == nil ? "?" : "passed"))"
        }
    }
}
