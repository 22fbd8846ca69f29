import BuildProtocol

/// One of the ways in which the farm may go on: each attempt takes as long as one of the past, and
/// builds start by the rules of the scheduler. A slot is free once its attempt has left the host;
/// the test of an image comes before the builds that are queued by then.
struct ForecastRun {
    /// What an attempt waited for, so that it is known which durations a start depends on.
    private struct Node {
        var pool: Int?
        var parent: Int?
    }

    private struct Attempt {
        var work: Int
        var isTest: Bool
        var host: Int?
        var needs: Requirements
        var startedSeconds: Int
        var node: Int
    }

    private struct Test {
        var work: Int
        var needs: Requirements
    }

    /// Nobody knows what is submitted tomorrow.
    private static let horizonSeconds = 6.0 * 3600

    private let plan: ForecastPlan
    private let number: Int
    /// Of the runs of this forecast; a prime, so that each run draws from another part of the
    /// durations.
    private let runs: Int
    private var hosts: [ForecastPlan.Host]
    /// By list, what waits; what was started is skipped.
    private var waiting: [[Int]]
    private var heads: [Int]
    private var tests: [Test] = []
    private var use: [Double]
    /// What was started at this moment counts at once, as in a decision of the scheduler.
    private var turns: [Double]
    private var running: [Int]
    private var attempts: [Attempt] = []
    private var nodes: [Node] = []
    private var events = ForecastEvents()
    private var now = 0

    /// By work, in seconds from now; `nil` if nobody knows.
    private(set) var starts: [Int?]
    private(set) var ends: [Int?]
    private var causes: [Int?]
    /// By host: when what runs there now has left.
    private(set) var leaves: [Int?]
    /// By host: the guest OS of which nobody knows when it leaves.
    private(set) var unknown: [Int?]

    init(_ plan: ForecastPlan, _ pools: inout DurationPools, number: Int, of runs: Int) {
        self.plan = plan
        self.number = number
        self.runs = runs
        hosts = plan.hosts
        waiting = plan.lists.map(\.works)
        heads = plan.lists.map { _ in 0 }
        use = plan.use
        turns = plan.use.map { _ in 0 }
        running = pools.guestOSes.map { _ in 0 }
        starts = plan.works.map { _ in nil }
        ends = starts
        causes = starts
        leaves = plan.hosts.map { _ in 0 }
        unknown = plan.hosts.map { _ in nil }
        for build in plan.running { begin(build, &pools) }
        for item in plan.later {
            events.add(.due(work: item.work, list: item.list), at: item.seconds)
        }
        for (index, host) in plan.hosts.enumerated() {
            if let opens = host.opensAt, opens > 0 { events.add(.opens(host: index), at: opens) }
        }
        expectArrivals()
        for index in hosts.indices { fill(index, nil, &pools) }
        while let seconds = events.nextSeconds { advance(to: seconds, &pools) }
    }

    /// The pools on which a start depends.
    func pools(ofStart work: Int) -> Set<Int> { chain(causes[work]) }

    private func chain(_ first: Int?) -> Set<Int> {
        var used: Set<Int> = []
        var node = first
        while let index = node {
            if let pool = nodes[index].pool { used.insert(pool) }
            node = nodes[index].parent
        }
        return used
    }

    // MARK: What happens

    /// From none to twice as many as lately.
    private mutating func expectArrivals() {
        let rate = plan.arrivalsPerSecond * 2 * (Double(number) + 0.5) / Double(runs)
        guard rate > 0 else { return }
        for (index, item) in plan.arrivals.enumerated() {
            let seconds = Double(index + 1) / rate
            guard seconds < Self.horizonSeconds else { return }
            events.add(.due(work: item.work, list: item.list), at: Int(seconds))
        }
    }

    private mutating func advance(to seconds: Int, _ pools: inout DurationPools) {
        now = seconds
        for index in turns.indices { turns[index] = 0 }
        var changed: [(host: Int, node: Int?)] = []
        /// What every host may take, once it has room.
        var released: Int??
        while events.nextSeconds == seconds, let event = events.removeFirst() {
            switch event.kind {
            case .opens(let host): changed.append((host, nil))
            case .due(let work, let list):
                waiting[list].append(work)
                released = .some(nil)
            case .leaves(let index):
                guard let host = attempts[index].host else { continue }
                hosts[host].slots += 1
                hosts[host].left.give(attempts[index].needs)
                changed.append((host, attempts[index].node))
            case .records(let index):
                if record(attempts[index]) { released = .some(attempts[index].node) }
            }
        }
        for (host, node) in changed { fill(host, node, &pools) }
        if let node = released { for host in hosts.indices { fill(host, node, &pools) } }
    }

    /// - Returns: whether something else may start on any host.
    private mutating func record(_ attempt: Attempt) -> Bool {
        let work = plan.works[attempt.work]
        let taken = Double(now &- attempt.startedSeconds)
        use[work.owner] += taken * Self.weight(at: now)
        guard !attempt.isTest else {
            ends[attempt.work] = now
            return false
        }
        if work.stage == .build { running[work.guestOS] -= 1 }
        guard work.stage == .build, let needs = work.tests else {
            ends[attempt.work] = now
            return plan.lists.contains { $0.concurrency != nil && $0.guestOS == work.guestOS }
        }
        tests.append(Test(work: attempt.work, needs: needs))
        return true
    }

    /// Later use weighs more, instead of decaying what was before.
    private static func weight(at seconds: Int) -> Double {
        let hour = Int(FairShare.halfLifeMilliseconds) / 1000
        let whole = min(seconds / hour, 40)
        return Double(1 << whole) * (1 + Double(seconds % hour) / Double(hour))
    }

    // MARK: What starts

    /// Starts on the host what the scheduler would.
    /// - Parameter node: what made room.
    private mutating func fill(_ host: Int, _ node: Int?, _ pools: inout DurationPools) {
        guard let opens = hosts[host].opensAt, opens <= now else { return }
        while hosts[host].slots >= 1 {
            if hosts[host].tests,
                let index = tests.firstIndex(where: { hosts[host].left.cover($0.needs) })
            {
                let test = tests.remove(at: index)
                begin(test.work, isTest: true, test.needs, at: host, node, &pools)
            } else if let list = best(for: host) {
                let work = waiting[list][heads[list]]
                heads[list] += 1
                starts[work] = now
                causes[work] = node
                turns[plan.works[work].owner] += 60 * Self.weight(at: now)
                begin(work, isTest: false, plan.works[work].needs, at: host, node, &pools)
            } else {
                return
            }
        }
    }

    private func best(for host: Int) -> Int? {
        var best: Int?
        for (index, list) in plan.lists.enumerated() {
            guard heads[index] < waiting[index].count, list.hosts[host],
                hosts[host].left.cover(list.needs), hasTurn(list)
            else { continue }
            if let found = best, !precedes(index, found) { continue }
            best = index
        }
        return best
    }

    private func hasTurn(_ list: ForecastPlan.List) -> Bool {
        guard !list.isTest, let limit = list.concurrency else { return true }
        return running[list.guestOS] < limit
    }

    /// As `Scheduler` orders builds.
    private func precedes(_ a: Int, _ b: Int) -> Bool {
        let (first, second) = (plan.lists[a], plan.lists[b])
        if first.isTest != second.isTest { return first.isTest }
        if first.priority != second.priority { return first.priority > second.priority }
        if first.owner != second.owner {
            let (useOfA, useOfB) = (
                use[first.owner] + turns[first.owner], use[second.owner] + turns[second.owner]
            )
            if useOfA != useOfB { return useOfA < useOfB }
        }
        return plan.ranks[waiting[a][heads[a]]] < plan.ranks[waiting[b][heads[b]]]
    }

    // MARK: How long it takes

    private mutating func begin(
        _ work: Int, isTest: Bool, _ needs: Requirements, at host: Int, _ cause: Int?,
        _ pools: inout DurationPools
    ) {
        let build = plan.works[work]
        hosts[host].slots -= 1
        hosts[host].left.take(needs)
        if !isTest && build.stage == .build { running[build.guestOS] += 1 }
        let stage = isTest ? .test : build.stage
        guard let pool = pools.pool(build.guestOS, stage, host: host) else {
            unknown[host] = unknown[host] ?? build.guestOS
            return
        }
        let duration = pools.pools[pool].duration(share(build.seed, isTest ? 1 : 0))
        nodes.append(Node(pool: pool, parent: cause))
        attempts.append(
            Attempt(
                work: work, isTest: isTest, host: host, needs: needs, startedSeconds: now,
                node: nodes.count - 1))
        events.add(.leaves(attempt: attempts.count - 1), at: now + duration.hostSeconds)
        events.add(.records(attempt: attempts.count - 1), at: now + duration.seconds)
    }

    /// What runs already.
    private mutating func begin(
        _ build: ForecastPlan.Running, _ pools: inout DurationPools
    ) {
        let work = plan.works[build.work]
        if work.stage == .build { running[work.guestOS] += 1 }
        guard let pool = pools.pool(work.guestOS, work.stage, host: build.host) else {
            if let host = build.host {
                unknown[host] = unknown[host] ?? work.guestOS
                leaves[host] = nil
            }
            return
        }
        let rest = pools.pools[pool].rest(
            after: build.elapsedSeconds, hasLeft: build.host == nil, share(work.seed, 0))
        nodes.append(Node(pool: pool, parent: nil))
        causes[build.work] = nodes.count - 1
        attempts.append(
            Attempt(
                work: build.work, isTest: false, host: build.host, needs: work.needs,
                startedSeconds: -build.elapsedSeconds, node: nodes.count - 1))
        if let host = build.host {
            events.add(.leaves(attempt: attempts.count - 1), at: rest.hostSeconds)
            leave(host, at: rest.hostSeconds, rest, work, &pools)
        }
        events.add(.records(attempt: attempts.count - 1), at: rest.seconds)
    }

    /// Notes when the host is rid of it; the test of its image follows there if no other host can.
    private mutating func leave(
        _ host: Int, at seconds: Int, _ rest: StageDuration, _ work: ForecastPlan.Work,
        _ pools: inout DurationPools
    ) {
        var last: Int? = seconds
        if work.tests != nil, plan.onlyTester == host {
            last = pools.pool(work.guestOS, .test, host: host).map {
                rest.seconds + pools.pools[$0].duration(share(work.seed, 1)).hostSeconds
            }
            if last == nil { unknown[host] = unknown[host] ?? work.guestOS }
        }
        leaves[host] = leaves[host].flatMap { before in last.map { max(before, $0) } }
    }

    /// Where in its durations this run draws: each run elsewhere, and each build in another order.
    private func share(_ seed: UInt64, _ stage: UInt64) -> Double {
        let mixed = (seed ^ (stage &* 0x9E37_79B9_7F4A_7C15)) &* 0xff51_afd7_ed55_8ccd
        let (step, offset) = (mixed >> 33, mixed & 0xffff_ffff)
        let count = UInt64(runs)
        let place = (UInt64(number) * (1 + step % max(1, count - 1)) + offset % count) % count
        return (Double(place) + 0.5) / Double(runs)
    }
}
