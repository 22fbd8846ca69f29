import BuildProtocol
import CoordinatorCore
import Testing

/// Scheduler and retry policy together over simulated time: whatever fails, the queue drains by
/// itself, as long as there is one host that can take each build.
@Suite struct DrainTests {
    @Test("Every build ends, whatever happens to hosts")
    func everyBuildEnds() {
        for seed in 1...150 {
            var farm = SimulatedFarm(seed: seed)
            let end = farm.run()
            #expect(end.waiting.isEmpty, "seed \(seed): \(end.waiting) wait for ever")
            #expect(end.ends == farm.builds, "seed \(seed)")
        }
    }
}

/// Time advances to the end of the next attempt or to the time that the scheduler requested.
private struct SimulatedFarm {
    private var random: Seeded
    private var now: Int64 = 0
    private var hosts: [HostView]
    private var queue: [QueuedBuild]
    private var running: [(build: QueuedBuild, host: String, endsAt: Int64)] = []
    private var history: [String: [AttemptFault]] = [:]
    private var ended = 0
    let builds: Int

    init(seed: Int) {
        random = Seeded(seed: seed)
        let names = (0..<Int.random(in: 1...4, using: &random)).map { "h\($0)" }
        hosts = names.map { name in host(name, slots: 2) }
        // The others may stay unreachable for good.
        for index in hosts.indices.dropFirst() where random.chance(40) {
            hosts[index].availability = .away("no route")
        }
        builds = Int.random(in: 1...15, using: &random)
        queue = (0..<builds).map { queued("q\($0)", at: Int64($0)) }
    }

    mutating func run() -> (waiting: [String], ends: Int) {
        for _ in 0..<2_000 {
            let wakeAt = decide()
            if queue.isEmpty && running.isEmpty { break }
            let next = ([wakeAt] + running.map(\.endsAt)).compactMap(\.self).min()
            guard let next else { break }
            now = max(next, now + 1)
            finishAttempts()
        }
        return (queue.map(\.id) + running.map(\.build.id), ended)
    }

    private mutating func decide() -> Int64? {
        let world = world(
            hosts, queue,
            running: running.map {
                runs($0.build.id, on: $0.host, $0.build.requirements)
            }, now: now)
        var wakeAt: Int64?
        for decision in Scheduler.decide(world) {
            switch decision {
            case .start(let id, let name):
                guard let index = queue.firstIndex(where: { $0.id == id }) else { continue }
                let build = queue.remove(at: index)
                running.append((build, name, now + Int64.random(in: 1...100_000, using: &random)))
            case .fail(let id, _):
                queue.removeAll { $0.id == id }
                ended += 1
            case .wake(let wait): wakeAt = min(wakeAt ?? .max, now + wait)
            }
        }
        return wakeAt
    }

    private mutating func finishAttempts() {
        for run in running.filter({ $0.endsAt <= now }) {
            running.removeAll { $0.build.id == run.build.id }
            guard random.chance(60) else {
                ended += 1
                continue
            }
            let code = random.one(of: [FaultCode.hostLost, .diskFull, .pullFailed])
            history[run.build.id, default: []].append(
                AttemptFault(host: run.host, fault: Fault(.infrastructure, code, "x")))
            let faults = history[run.build.id] ?? []
            let fault = faults[faults.count - 1].fault
            switch RetryPolicy.judge(fault, history: faults, now: now) {
            case .end: ended += 1
            case .retry(let notBefore):
                var build = run.build
                build.notBeforeMilliseconds = notBefore
                build.failedHosts.insert(run.host)
                queue.append(build)
            }
        }
    }
}
