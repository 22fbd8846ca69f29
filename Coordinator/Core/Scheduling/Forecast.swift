import BuildProtocol

/// When queued builds start, what runs ends, and a host is empty: the farm is played forward
/// several times by the rules of the scheduler, each time with other durations of the past.
struct Forecast: Sendable {
    /// How many builds of the queue are played forward. For those after them, the queue is assumed
    /// to go on at the same pace.
    static let depth = 100
    /// Primes; see `ForecastRun`.
    private static let counts = [31, 23, 17, 11, 7]
    /// Hosts and events, times kinds of builds: what all runs together may look at.
    private static let effort = 4_000_000
    /// Of the runs, how many are before the range, and after it.
    private static let tail = 0.03
    /// Of the time until then: what fails early ahead, and is begun anew, is in no run.
    private static let margin = 0.05

    private let world: World
    private let plan: ForecastPlan
    private let pools: DurationPools
    private let runs: [ForecastRun]
    /// By place in the queue, which of the works it is.
    private let works: [Int: Int]

    /// - Parameter queue: in the order of its starts.
    init(_ queue: [QueuedBuild], _ world: World, _ placement: Placement) {
        self.world = world
        let played = Self.played(queue)
        works = Dictionary(
            uniqueKeysWithValues: played.enumerated().map { ($0.element, $0.offset) })
        let plan = ForecastPlan(played.map { queue[$0] }, world, placement)
        self.plan = plan
        var pools = plan.pools
        let looks = max(1, plan.lists.count) * (plan.hosts.count + 2 * plan.works.count)
        let count = Self.counts.first { $0 * looks <= Self.effort } ?? 7
        runs = (0..<count).map { ForecastRun(plan, &pools, number: $0, of: count) }
        self.pools = pools
    }

    /// - Parameter position: of the build in the queue, from 1.
    func start(at position: Int) -> Expected {
        guard let work = works[position - 1] else { return pace(position) }
        if let reason = plan.hopeless[work] { return .unknown(reason) }
        let seconds = runs.compactMap { $0.starts[work] }
        guard seconds.count == runs.count else { return .unknown(why(work)) }
        return range(seconds, runs.reduce(into: []) { $0.formUnion($1.pools(ofStart: work)) })
    }

    /// - Returns: `nil` if it does not run.
    func end(of id: String) -> Expected? {
        guard let running = plan.running.first(where: { plan.works[$0.work].id == id }) else {
            return nil
        }
        let work = plan.works[running.work]
        let seconds = runs.compactMap { $0.ends[running.work] }
        guard seconds.count == runs.count else {
            let blocker = world.usual[pools.guestOSes[work.guestOS]].map {
                $0.build.isEmpty && work.stage == .build ? BuildStage.build : .test
            }
            return .unknown(unknown(pools.guestOSes[work.guestOS], blocker ?? work.stage))
        }
        return range(
            seconds, runs.reduce(into: []) { $0.formUnion($1.pools(ofStart: running.work)) })
    }

    /// When nothing runs there any more, if nothing new starts.
    func empty(host: String) -> Expected {
        guard let index = plan.hostIndexes[host] else { return .unknown("it is not registered") }
        let here = plan.running.filter { $0.host == index }
        if here.isEmpty { return range([0], []) }
        let seconds = runs.compactMap { $0.leaves[index] }
        guard seconds.count == runs.count else {
            let blocker = runs.lazy.compactMap { $0.unknown[index] }.first
            let name = pools.guestOSes[blocker ?? plan.works[here[0].work].guestOS]
            return .unknown(unknown(name, nil))
        }
        let used = runs.reduce(into: Set<Int>()) { used, run in
            for build in here { used.formUnion(run.pools(ofStart: build.work)) }
        }
        return range(seconds, used)
    }

    // MARK: Parts

    /// The first of the queue; of a long one, some of every owner that takes turns.
    private static func played(_ queue: [QueuedBuild]) -> [Int] {
        guard queue.count > depth else { return Array(queue.indices) }
        var played: [Int] = []
        var start = queue.startIndex
        while start < queue.endIndex, played.count < depth {
            let first = queue[start]
            let level = queue[start...].prefix {
                $0.stage == first.stage && $0.priority == first.priority
            }
            played += fairly(level, depth - played.count)
            start = level.endIndex
        }
        return played.sorted()
    }

    private static func fairly(_ level: ArraySlice<QueuedBuild>, _ limit: Int) -> [Int] {
        guard level.count > limit else { return Array(level.indices) }
        var byOwner: [String: [Int]] = [:]
        for index in level.indices where byOwner[level[index].owner, default: []].count < limit {
            byOwner[level[index].owner, default: []].append(index)
        }
        let owners = byOwner.values.sorted { $0[0] < $1[0] }
        let rounds = 0..<limit
        return Array(
            rounds.lazy.flatMap { round in
                owners.lazy.compactMap { round < $0.count ? $0[round] : nil }
            }.prefix(limit))
    }

    /// At the pace of those that are played.
    private func pace(_ position: Int) -> Expected {
        let queued = Array(works.values)
        var used: Set<Int> = []
        var seconds: [Int] = []
        for run in runs {
            let starts = queued.compactMap { run.starts[$0] }
            guard starts.count == queued.count, let last = starts.max() else {
                return .unknown("nobody knows when builds ahead of it start")
            }
            for work in queued { used.formUnion(run.pools(ofStart: work)) }
            seconds.append(last * position / queued.count)
        }
        return range(seconds, used)
    }

    private func range(_ seconds: [Int], _ used: Set<Int>) -> Expected {
        let sorted = seconds.sorted()
        func moment(_ share: Double) -> Int64 {
            let last = Double(sorted.count - 1)
            let place = min(max(share * Double(sorted.count) - 0.5, 0), last)
            let (below, above) = (sorted[Int(place)], sorted[Int(place.rounded(.up))])
            let part = place - place.rounded(.down)
            let found = Double(below) + Double(above - below) * part
            return world.nowMilliseconds &+ Int64(found * 1000)
        }
        let (from, to) = (moment(Self.tail), moment(1 - Self.tail))
        func margin(_ moment: Int64) -> Int64 {
            used.isEmpty ? 0 : Int64(Double(moment &- world.nowMilliseconds) * Self.margin)
        }
        return .range(
            TimeRange(
                fromMilliseconds: from &- margin(from), toMilliseconds: to &+ margin(to),
                basis: pools.basis(used)),
            seconds: sorted[sorted.count / 2])
    }

    private func why(_ work: Int) -> String {
        let build = plan.works[work]
        guard let list = plan.lists.first(where: { $0.works.contains(work) }) else {
            return "no host has room for it"
        }
        for index in plan.hosts.indices where list.hosts[index] {
            if let blocker = runs.lazy.compactMap({ $0.unknown[index] }).first {
                return unknown(pools.guestOSes[blocker], nil)
            }
        }
        if list.concurrency != nil {
            let name = pools.guestOSes[build.guestOS]
            if world.usual[name]?.build.isEmpty ?? true { return unknown(name, .build) }
        }
        return "no host has room for it"
    }

    private func unknown(_ guestOS: String, _ stage: BuildStage?) -> String {
        guard let usual = world.usual[guestOS] else {
            return "the history of \(guestOS) has not been read yet"
        }
        let missing = stage ?? (usual.build.isEmpty ? .build : .test)
        let what = "no \(missing.rawValue) of \(guestOS) has passed yet"
        return "\(what), which would show how long it takes"
    }
}

extension Farm.Amounts {
    /// Wraps instead of trapping, as the sums of what runs do.
    mutating func give(_ needs: Requirements) {
        vcpus &+= needs.vcpus
        memoryBytes &+= needs.memoryBytes
        diskBytes &+= needs.diskBytes
    }
}
