import BuildProtocol
import CoordinatorCore

/// Sets the farm up, keeps it busy and in trouble, and ends when everything has come to its end.
actor Director {
    private let settings: Settings
    private let parts: SharedParts
    private let simulation: Simulation
    private var processes: [CoordinatorProcess] = []
    private var nextProcess = 0
    private var nextHost = 0
    private(set) var isDone = false
    private var isEnding = false
    /// Longest simulated time from the end of the faults to the end of the last build.
    private static let drainMilliseconds: Int64 = 4 * 3_600_000
    /// Longest simulated time from the last submission to the end of the faults.
    private static let overdueMilliseconds: Int64 = 600_000

    init(_ settings: Settings, _ parts: SharedParts) {
        self.settings = settings
        self.parts = parts
        simulation = parts.simulation
    }

    private var ledger: Ledger { simulation.ledger }

    func run() async {
        do { try await setUp() } catch {
            return ledger.fail("cannot set up the farm: \(error)")
        }
        for id in ["c0", "c1"] { Task { await self.keepRunning(id) } }
        for _ in 0..<8 { Task { await self.submitBuilds() } }
        Task { await self.troubleHosts() }
        Task { await self.troubleHead() }
        let inspector = Inspector(simulation: simulation, parts: parts)
        Task { await self.inspect(inspector) }

        while ledger.buildCount < settings.builds / 2 { await wait(1_000) }
        simulation.demandEveryKind()
        while ledger.buildCount < settings.builds { await wait(1_000) }
        let last = simulation.clock.monotonicMilliseconds()
        while simulation.isAnyOverdue,
            simulation.clock.monotonicMilliseconds() - last < Self.overdueMilliseconds
        { await wait(1_000) }
        simulation.heal()
        for agent in simulation.fleet.agents { await agent.comeBack() }
        await resumeHosts()
        let start = simulation.clock.monotonicMilliseconds()
        while ledger.liveCount > 0 {
            if simulation.clock.monotonicMilliseconds() - start > Self.drainMilliseconds {
                let stuck = ledger.liveBuilds.prefix(5).map { build in
                    "\(build.id) \(build.state.rawValue) \(build.stage.rawValue) on "
                        + "\(build.host ?? "no host") since attempt \(build.attemptCount)"
                }
                return ledger.fail(
                    "\(ledger.liveCount) builds do not end: \(stuck.joined(separator: "; "))")
            }
            await wait(1_000)
        }
        // What is over is forgotten within a minute (invariant 9).
        await wait(61_000)
        await inspector.checkTheEnd()
        isEnding = true
        for process in processes { await process.stop() }
        isDone = true
    }

    private func setUp() async throws {
        let founder = Candidate(id: "setup", url: "", leaseMilliseconds: -1)
        let lease = await parts.store.campaign(founder)
        guard let epoch = lease.epoch(heldBy: founder) else { return }
        let store = parts.store.leading(epoch)
        for index in 0..<SimulatedTemplates.guestOSes {
            try await store.add(SimulatedTemplates.guestOS(index))
        }
        for _ in 0..<settings.hosts { try await store.add(newHost()) }
    }

    private func newHost() -> Host {
        let name = "h\(nextHost)"
        nextHost += 1
        simulation.fleet.add(SimulatedAgent(name, simulation: simulation))
        return Host(
            name: name, address: "aibuild@\(name):22", hostKey: "ssh-ed25519 AAAA",
            createdMilliseconds: 0)
    }

    private func wait(_ milliseconds: Int) async {
        try? await simulation.clock.wait(milliseconds: Int64(milliseconds))
    }

    private func inspect(_ inspector: Inspector) async {
        while !isEnding {
            for _ in 0..<6 {
                await wait(10_000)
                await inspector.look()
            }
            await leader()?.look()
        }
    }

    // MARK: Coordinators

    /// A service manager: starts the coordinator again whenever it ended.
    private func keepRunning(_ id: String) async {
        while !isEnding {
            nextProcess += 1
            let process = CoordinatorProcess("\(id).\(nextProcess)", id: id, parts)
            processes.append(process)
            await process.run()
            processes.removeAll { $0 === process }
            await wait(simulation.within(500...4_000))
        }
    }

    private func leader() async -> CoordinatorProcess? {
        for process in processes {
            if await process.isLeading { return process }
        }
        return nil
    }

    // MARK: People

    private func submitBuilds() async {
        let most = simulation.fleet.agents.count * SimulatedAgent.slots * 3 / 2
        while ledger.buildCount < settings.builds {
            guard ledger.liveCount < most, let leader = await leader() else {
                await wait(simulation.within(100...1_000))
                continue
            }
            let index = simulation.below(SimulatedTemplates.guestOSes)
            await ask("submit") {
                try await leader.submit(
                    guestOS: "os\(index)", priority: self.simulation.below(10) == 0 ? 5 : 0)
            }
        }
    }

    private func ask(_ what: String, _ body: () async throws -> Void) async {
        do { try await body() } catch {
            simulation.trace.line("\(what): \(error)")
            await wait(50)
        }
    }

    private func requested(_ fault: FaultKind) async {
        guard let leader = await leader() else { return }
        let agent = simulation.one(of: simulation.fleet.agents)
        simulation.count(fault, agent?.name ?? "")
        await ask(fault.rawValue) {
            switch fault {
            case .cancelled:
                if let build = liveBuild() { try await leader.cancel(build) }
            case .retried:
                let build = ledger.build("id-\(simulation.below(ledger.buildCount * 2))")
                if let build, build.state.isEnded { try await leader.retry(build) }
            case .drained: if let agent { try await leader.setDrained(true, host: agent.name) }
            case .resumed: if let agent { try await leader.setDrained(false, host: agent.name) }
            case .hostRemoved: if let agent { try await leader.removeHost(agent.name) }
            case .hostAdded: try await leader.addHost(newHost().name)
            default: await leader.look()
            }
        }
    }

    private func liveBuild() -> Build? {
        for _ in 0..<50 {
            let build = ledger.build("id-\(simulation.below(ledger.buildCount + 1))")
            if let build, !build.state.isEnded { return build }
        }
        return ledger.liveBuilds.first
    }

    private func resumeHosts() async {
        for host in await parts.store.hosts() where host.drain != nil {
            while await parts.store.hosts().first(where: { $0.name == host.name })?.drain != nil {
                if let leader = await leader() {
                    await ask("resume") { try await leader.setDrained(false, host: host.name) }
                }
                await wait(1_000)
            }
        }
    }

    // MARK: Faults

    /// What is overdue, or one draw in proportion to the weights.
    private func draw(_ table: [(fault: FaultKind, weight: Int)]) -> FaultKind {
        if let overdue = table.first(where: { simulation.isOverdue($0.fault) }) {
            return overdue.fault
        }
        var rest = simulation.below(table.reduce(0) { $0 + $1.weight })
        for (fault, weight) in table {
            rest -= weight
            if rest < 0 { return fault }
        }
        return table[0].fault
    }

    private func troubleHosts() async {
        // A large farm meets trouble all the time, each of its hosts twice an hour or so.
        let most = min(3_000, max(2, 3_600_000 / settings.hosts))
        while !simulation.isHealed {
            await wait(1 + simulation.below(most))
            guard !simulation.isHealed, let agent = simulation.one(of: simulation.fleet.agents)
            else { continue }
            let fault = draw(FaultKind.spontaneous)
            switch fault {
            case .cancelled, .retried, .drained, .resumed, .hostRemoved, .hostAdded:
                await requested(fault)
                continue
            default: simulation.count(fault, agent.name)
            }
            switch fault {
            case .sessionCut: await agent.cut()
            case .agentFrozen: await agent.freeze(milliseconds: simulation.within(1_000...60_000))
            case .agentRestarted:
                await agent.restart(awayMilliseconds: simulation.within(500...8_000))
            case .hostRebooted:
                await agent.reboot(awayMilliseconds: simulation.within(20_000...200_000))
            case .hostAwayLong:
                await agent.restart(awayMilliseconds: simulation.within(500_000...900_000))
            case .hostGone: await agent.reboot(awayMilliseconds: 100 * 3_600_000, forgets: true)
            case .stateLost:
                await agent.reboot(
                    awayMilliseconds: simulation.within(1_000...60_000), forgets: true)
            case .hostileReport: await agent.lie()
            default: break
            }
        }
    }

    private func troubleHead() async {
        // Taking over a large farm takes its time.
        let most = max(20_000, settings.hosts * 120)
        while !simulation.isHealed {
            let isOverdue = FaultKind.global.contains { simulation.isOverdue($0.fault) }
            await wait(simulation.within(1_000...(isOverdue ? 20_000 : most)))
            guard !simulation.isHealed, let leader = await leader(), !leader.life.isDoomed
            else { continue }
            let fault = draw(FaultKind.global)
            switch fault {
            case .logDiskFull, .webRootFull, .storeDown:
                simulation.breakDown(fault, milliseconds: simulation.within(1_000...20_000))
            case .coordinatorKilled:
                simulation.count(fault, leader.life.name)
                leader.life.end(afterSteps: simulation.below(2_000))
            case .coordinatorStopped:
                simulation.count(fault, leader.life.name)
                await leader.stop()
            case .leaseUnreachable:
                simulation.count(fault, leader.life.name)
                leader.life.loseLease(
                    until: simulation.clock.monotonicMilliseconds()
                        + Int64(simulation.within(1_000...20_000)))
            case .clockJump:
                let milliseconds = simulation.within(-600_000...600_000)
                simulation.count(fault, "\(milliseconds) ms")
                simulation.clock.jump(milliseconds: Int64(milliseconds))
            default: break
            }
        }
    }
}
