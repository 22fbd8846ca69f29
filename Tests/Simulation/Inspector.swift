import BuildProtocol
import CoordinatorCore

/// Looks at the whole farm: what no single change shows.
actor Inspector {
    private let simulation: Simulation
    private let parts: SharedParts
    /// Since when a host, with a session, has held an attempt that nobody waits for.
    private var orphansSince: [AttemptToken: Int64] = [:]
    /// Reconnecting after a fault takes its time, too.
    private static let orphanMilliseconds: Int64 = 120_000

    init(simulation: Simulation, parts: SharedParts) {
        self.simulation = simulation
        self.parts = parts
    }

    private var ledger: Ledger { simulation.ledger }

    /// Invariant 9: no orphan survives.
    func look() async {
        let now = simulation.clock.monotonicMilliseconds()
        var seen: [AttemptToken: Int64] = [:]
        for agent in simulation.fleet.agents {
            guard await agent.sessionSince != nil else { continue }
            for token in await agent.attempts.keys.sorted() where !ledger.isWanted(token) {
                let since = orphansSince[token] ?? now
                seen[token] = since
                if now - since > Self.orphanMilliseconds, simulation.isHealed {
                    ledger.fail("\(agent.name) keeps \(token), for which nobody waits")
                }
            }
        }
        orphansSince = seen
    }

    /// Everything has ended, and nothing was left behind.
    func checkTheEnd() async {
        for build in ledger.allBuilds {
            guard let row = await parts.store.build(id: build.id) else {
                return ledger.fail("build \(build.id) is lost")
            }
            guard row == build else { return ledger.fail("build \(build.id) differs from its row") }
            guard row.state.isEnded else { return ledger.fail("build \(build.id) has not ended") }
            let shown = parts.web.image(of: build.id)
            guard shown?.attempt == row.image?.attempt else {
                return ledger.fail(
                    "build \(build.id) is \(row.state.rawValue), the web root shows "
                        + (shown?.path ?? "nothing"))
            }
        }
        if let token = parts.web.incoming.first {
            ledger.fail("something of \(token) is left among the incoming files")
        }
        let registered = Set(await parts.store.hosts().map(\.name))
        for agent in simulation.fleet.agents where registered.contains(agent.name) {
            guard await agent.isUp else { continue }
            if await agent.sessionSince == nil {
                ledger.fail("\(agent.name) is up and has no session")
            } else if let token = await agent.attempts.keys.min() {
                ledger.fail("\(agent.name) still has \(token)")
            }
        }
    }
}
