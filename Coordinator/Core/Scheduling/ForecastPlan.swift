import BuildProtocol

/// The farm as a forecast plays it forward: numbers and indexes, so that playing it many times is
/// cheap.
struct ForecastPlan: Sendable {
    struct Host: Sendable {
        var slots: Int
        var left: Farm.Amounts
        /// Seconds until it takes something; `nil` if nobody knows.
        var opensAt: Int?
        /// Whether it tests images that are finished meanwhile.
        var tests: Bool
    }

    /// A build, queued or running.
    struct Work: Sendable {
        var id: String
        var stage: BuildStage
        var guestOS: Int
        var owner: Int
        var needs: Requirements
        /// What the test of its image will need.
        var tests: Requirements?
        /// Different for each, and the same whenever it is forecast: a range must not jump when
        /// somebody looks again.
        var seed: UInt64
    }

    /// Builds that are placed alike, in order.
    struct List: Sendable {
        var works: [Int] = []
        var isTest: Bool
        var priority: Int
        var owner: Int
        var guestOS: Int
        var needs: Requirements
        var concurrency: Int?
        /// By host, whether it may take them, now or later.
        var hosts: [Bool]
    }

    struct Running: Sendable {
        var work: Int
        var host: Int?
        var elapsedSeconds: Int
    }

    private(set) var hosts: [Host]
    /// The queued ones first.
    private(set) var works: [Work] = []
    /// By work, which of two came first.
    private(set) var ranks: [Int] = []
    private(set) var lists: [List] = []
    private(set) var running: [Running] = []
    /// What may be submitted later, by the like of what was submitted lately.
    private(set) var arrivals: [(work: Int, list: Int)] = []
    private(set) var arrivalsPerSecond = 0.0
    /// Retries that are not due yet.
    private(set) var later: [(work: Int, list: Int, seconds: Int)] = []
    /// Why nobody knows when a work starts, however the farm goes on.
    private(set) var hopeless: [Int: String] = [:]
    private(set) var use: [Double] = []
    private(set) var pools: DurationPools
    /// The one host that can test images.
    private(set) var onlyTester: Int?
    let hostIndexes: [String: Int]
    private var owners: [String: Int] = [:]
    private var shapes: [BuildQueue.Shape: Int] = [:]

    /// What counts as submitted lately.
    private static let latelyMilliseconds: Int64 = 3_600_000
    /// Of which so many are played.
    private static let arrivalCount = 48

    /// - Parameter queue: what is played, in order.
    init(_ queue: [QueuedBuild], _ world: World, _ placement: Placement) {
        let views = world.farm.hosts
        hostIndexes = Dictionary(
            uniqueKeysWithValues: views.enumerated().map { ($0.element.name, $0.offset) })
        pools = DurationPools(world, hostIndexes: hostIndexes)
        hosts = views.enumerated().map { index, view in
            let room = world.farm.rooms[index]
            return Host(
                slots: room.slots, left: room.left, opensAt: Self.opening(view),
                tests: view.report?.runsTests == true)
        }
        let testers = hosts.indices.filter { hosts[$0].tests && views[$0].isInService }
        // One that drains does it if no other can.
        for index in hosts.indices where !testers.isEmpty && !testers.contains(index) {
            hosts[index].tests = false
        }
        onlyTester = testers.count == 1 ? testers.first : nil
        for build in queue { append(build, world) }
        rank(queue)
        arrange(queue, world, placement)
        let running = world.farm.running.values.sorted { $0.id < $1.id }
        for build in running { append(build, world) }
        expect(queue, running, world, placement)
        ranks += works.dropFirst(ranks.count).map { _ in .max }
    }

    // MARK: Parts

    private static func opening(_ view: HostView) -> Int? {
        switch view.availability {
        case .ready: 0
        case .quarantined(let rest, _): Int(clamping: rest / 1000) &+ 1
        case .drained: view.finishesTests ? 0 : nil
        case .away: nil
        }
    }

    private mutating func owner(_ name: String, _ world: World) -> Int {
        if let known = owners[name] { return known }
        owners[name] = use.count
        use.append(world.use[name, default: 0])
        return use.count - 1
    }

    private mutating func append(_ build: QueuedBuild, _ world: World) {
        works.append(
            Work(
                id: build.id, stage: build.stage, guestOS: pools.index(of: build.guestOS),
                owner: owner(build.owner, world), needs: build.requirements, tests: build.tests,
                seed: Self.seed(build.id)))
    }

    private mutating func append(_ build: RunningBuild, _ world: World) {
        let elapsed = Int(
            clamping: (world.nowMilliseconds &- build.startedMilliseconds) / 1000)
        running.append(
            Running(
                work: works.count, host: build.host.flatMap { hostIndexes[$0] },
                elapsedSeconds: max(0, elapsed)))
        works.append(
            Work(
                id: build.id, stage: build.stage, guestOS: pools.index(of: build.guestOS),
                owner: owner(build.owner, world), needs: build.requirements, tests: build.tests,
                seed: Self.seed(build.id)))
    }

    private mutating func rank(_ queue: [QueuedBuild]) {
        ranks = queue.map { _ in 0 }
        let sorted = queue.indices.sorted {
            BuildQueue.ShapeQueue.precedes(queue[$0], queue[$1])
        }
        for (rank, index) in sorted.enumerated() { ranks[index] = rank }
    }

    private mutating func arrange(
        _ queue: [QueuedBuild], _ world: World, _ placement: Placement
    ) {
        for (index, build) in queue.enumerated() {
            if let reason = placement.webRootReason(build) {
                hopeless[index] = reason
                continue
            }
            let list = list(of: build, index, world, placement)
            guard lists[list].hosts.contains(true) else {
                hopeless[index] = "no host can take it now"
                continue
            }
            let delay = build.notBeforeMilliseconds &- world.nowMilliseconds
            if delay > 0 {
                later.append((index, list, Int(clamping: (delay &+ 999) / 1000)))
            } else {
                lists[list].works.append(index)
            }
        }
        for index in lists.indices { lists[index].works.sort { ranks[$0] < ranks[$1] } }
    }

    private mutating func list(
        of build: QueuedBuild, _ work: Int, _ world: World, _ placement: Placement
    ) -> Int {
        let shape = BuildQueue.Shape(build)
        if let known = shapes[shape] { return known }
        shapes[shape] = lists.count
        lists.append(
            List(
                isTest: build.stage == .test, priority: build.priority,
                owner: works[work].owner, guestOS: works[work].guestOS,
                needs: build.requirements, concurrency: build.concurrency,
                hosts: places(build, world, placement)))
        return lists.count - 1
    }

    /// Submissions go on as they did: what comes first in the order delays what waits already.
    private mutating func expect(
        _ queue: [QueuedBuild], _ running: [RunningBuild], _ world: World, _ placement: Placement
    ) {
        let recent = queue + running.compactMap(QueuedBuild.init(like:))
        let late = world.nowMilliseconds &- Self.latelyMilliseconds
        let lately = recent.filter { $0.stage == .build && $0.submittedMilliseconds > late }
            .sorted { BuildQueue.ShapeQueue.precedes($0, $1) }
        // A schedule or an import submits many at once, and not again soon.
        let moments = Set(lately.map { Moment(owner: $0.owner, $0.submittedMilliseconds) })
        guard moments.count > 1 else { return }
        arrivalsPerSecond = Double(moments.count - 1) * 1000 / Double(Self.latelyMilliseconds)
        for number in 0..<Self.arrivalCount {
            // Any prime that does not divide their number reaches all of them, in a mixed order.
            var build = lately[number * 7_919 % lately.count]
            build.id = "later \(number)"
            build.failedHosts = []
            let work = works.count
            append(build, world)
            arrivals.append((work, list(of: build, work, world, placement)))
        }
    }

    private struct Moment: Hashable {
        var owner: String
        var minute: Int64

        init(owner: String, _ milliseconds: Int64) {
            self.owner = owner
            minute = milliseconds / 60_000
        }
    }

    /// The hosts that may take it, now or later.
    private func places(
        _ build: QueuedBuild, _ world: World, _ placement: Placement
    ) -> [Bool] {
        let views = world.farm.hosts
        let able = hosts.indices.map { index in
            hosts[index].opensAt != nil && placement.impossible(build, at: index) == nil
                && (views[index].availability != .drained
                    || placement.mayFinish(build, at: index))
        }
        let untried = able.indices.map {
            able[$0] && !build.failedHosts.contains(views[$0].name)
        }
        return untried.contains(true) ? untried : able
    }

    /// FNV-1a.
    private static func seed(_ id: String) -> UInt64 {
        id.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

extension QueuedBuild {
    /// Another build like one that runs; `nil` if it is a test.
    fileprivate init?(like build: RunningBuild) {
        guard build.stage == .build, let submitted = build.submittedMilliseconds else { return nil }
        self.init(
            id: build.id, guestOS: build.guestOS, owner: build.owner, priority: build.priority,
            submittedMilliseconds: submitted, requirements: build.requirements,
            tests: build.tests)
    }
}
