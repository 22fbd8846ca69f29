import BuildProtocol
import CoordinatorCore
import CoordinatorService

/// One process of `aibuild-coordinator`: it campaigns for the lease, leads while it holds it, and
/// ends when it lost it, was killed or was told to. The only file that calls the service.
actor CoordinatorProcess {
    nonisolated let life: Life
    private let simulation: Simulation
    private let coordinator: Coordinator
    private let keeper: LeaseKeeper
    private var campaign: Task<Void, Never>?
    private(set) var isLeading = false
    private var isStopping = false

    init(_ name: String, id: String, _ world: SharedParts) {
        let simulation = world.simulation
        let life = Life(name)
        let gate = Gate(simulation: simulation, life: life)
        let clock = ProcessClock(simulation: simulation, life: life)
        let ports = Ports(
            store: ProcessStore(gate: gate, door: world.door),
            gateway: SimulatedGateway(gate: gate),
            logs: SimulatedLogs(gate: gate, disk: world.logs),
            webRoot: SimulatedWebRoot(gate: gate, disk: world.web),
            templates: SimulatedTemplates(), clock: clock, ids: clock, sheets: NoSheets())
        self.simulation = simulation
        self.life = life
        coordinator = Coordinator(ports: ports)
        keeper = LeaseKeeper(
            leases: ProcessLeases(gate: gate, base: world.store), clock: clock, id: id,
            url: "http://\(id)", limits: ports.limits)
    }

    /// Returns when the process has ended, whatever the reason.
    func run() async {
        let campaign = Task {
            await keeper.run(lead: { epoch in await self.lead(epoch) }, onReady: {})
        }
        self.campaign = campaign
        let watch = Task {
            while !life.hasEnded, !Task.isCancelled {
                do { try await simulation.clock.wait(milliseconds: 100) } catch { return }
            }
            campaign.cancel()
        }
        await campaign.value
        watch.cancel()
        if isStopping { return await stopped() }
        // Deposed: the real one becomes a new program at once, which stops all that it does.
        if isLeading, !life.hasEnded { life.end(afterSteps: simulation.below(20)) }
        isLeading = false
        simulation.trace.line("\(life.name) ends")
        await coordinator.stop()
        life.end()
    }

    /// In order, as a service manager asks for it.
    func stop() async {
        guard !isStopping else { return }
        isStopping = true
        isLeading = false
        campaign?.cancel()
        await coordinator.stop()
        await keeper.resign()
        life.end()
        simulation.trace.line("\(life.name) stopped")
    }

    private func stopped() async {
        while !life.hasEnded { try? await simulation.clock.wait(milliseconds: 50) }
    }

    private func lead(_ epoch: LeaseEpoch) async {
        simulation.trace.line("\(life.name) leads with epoch \(epoch.number)")
        simulation.ledger.forgive(nil)
        await coordinator.leadWithRetries(epoch)
        isLeading = coordinator.leader != nil && !life.hasEnded && !isStopping
    }

    // MARK: What people ask for

    func submit(guestOS: String, priority: Int) async throws {
        _ = try await coordinator.leading().submission.submit(
            guestOS: guestOS, priority: priority, owner: nil, reason: "simulated", by: "anna")
    }

    func cancel(_ build: Build) async throws {
        _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
    }

    func retry(_ build: Build) async throws {
        _ = try await coordinator.leading().submission.retry(build, by: "anna")
    }

    func addHost(_ name: String) async throws {
        _ = try await coordinator.leading().hosts.add(
            name: name, address: "aibuild@\(name):22", hostKey: "ssh-ed25519 AAAA", by: "anna")
    }

    func removeHost(_ name: String) async throws {
        try await coordinator.leading().hosts.remove(name, by: "anna")
    }

    func setDrained(_ drained: Bool, host name: String) async throws {
        let hosts = try coordinator.leading().hosts
        _ =
            drained
            ? try await hosts.drain(name, by: "anna") : try await hosts.resume(name, by: "anna")
        if !drained { simulation.ledger.forgive(name) }
    }

    /// What a person sees who looks.
    func look() async {
        guard let leader = coordinator.leader else { return }
        _ = await leader.hosts.snapshots()
        _ = await leader.tracker.queue(limit: 20)
    }
}

/// What outlives every coordinator.
struct SharedParts: Sendable {
    let simulation: Simulation
    let store: InMemoryStore
    let logs = LogDisk()
    let web: WebDisk
    let door: StoreDoor

    init(_ simulation: Simulation) {
        self.simulation = simulation
        let clock = simulation.clock
        store = InMemoryStore(nowMilliseconds: { clock.unixMilliseconds() })
        web = WebDisk(ledger: simulation.ledger)
        door = StoreDoor(base: store, ledger: simulation.ledger, logs: logs)
    }
}
