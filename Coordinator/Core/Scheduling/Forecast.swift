import BuildProtocol

/// When queued builds start, if every stage takes as long as usual: the farm is played forward by
/// the rules of the scheduler. A slot is free once its attempt has left the host; the test of an
/// image comes before the builds that are queued by then.
struct Forecast {
    enum Start {
        case after(seconds: Int)
        /// Why nobody knows.
        case unknown(String)
    }

    /// How many builds of the queue are played forward. For those after them, the queue is assumed
    /// to go on at the same pace: the effort for each grows with the hosts and what they run.
    private static let depth = 100

    private let world: World
    private let placement: Placement
    private var hosts: [ForecastHost?]
    /// When builds of a guest OS end, for its `concurrency`; `nil`: nobody knows.
    private var ends: [String: [Int?]] = [:]
    private var tests: [Test] = []
    private var places: [BuildQueue.Shape: [Int]] = [:]
    /// Of the first builds of the queue.
    private var starts: [Start] = []

    /// The test of an image that is not finished yet.
    private struct Test {
        var guestOS: String
        var needs: Requirements
        /// When it is queued.
        var seconds: Int
        var duration: StageDuration?
    }

    /// - Parameter queue: in the order of its starts.
    init(_ queue: [QueuedBuild], _ world: World, _ placement: Placement) {
        self.world = world
        self.placement = placement
        hosts = world.farm.hosts.enumerated().map { index, view in
            Self.opening(view).map {
                ForecastHost(world.farm.rooms[index], view, opensAt: $0)
            }
        }
        let indexes = Dictionary(
            uniqueKeysWithValues: world.farm.hosts.enumerated().map { ($0.element.name, $0.offset) }
        )
        for build in world.farm.running.values.sorted(by: { $0.id < $1.id }) {
            run(build, at: build.host.flatMap { indexes[$0] })
        }
        starts = queue.prefix(Self.depth).map { start($0) }
    }

    /// - Parameter position: of the build in the queue, from 1.
    func start(at position: Int) -> Start {
        if starts.indices.contains(position - 1) { return starts[position - 1] }
        let known = starts.compactMap { start -> Int? in
            if case .after(let seconds) = start { seconds } else { nil }
        }
        guard let last = known.max(), known.count == starts.count else {
            return .unknown("nobody knows when builds ahead of it start")
        }
        return .after(seconds: last * position / starts.count)
    }

    // MARK: Parts

    /// Seconds until the host takes something; `nil` if nobody knows.
    private static func opening(_ view: HostView) -> Int? {
        switch view.availability {
        case .ready: 0
        case .quarantined(let rest, _): Int(clamping: rest / 1000) &+ 1
        case .drained: view.finishesTests ? 0 : nil
        case .away: nil
        }
    }

    private func usual(_ guestOS: String, _ stage: BuildStage) -> StageDuration? {
        let usual = world.usual[guestOS]
        return stage == .build ? usual?.build : usual?.test
    }

    /// What runs already.
    private mutating func run(_ build: RunningBuild, at host: Int?) {
        let duration = usual(build.guestOS, build.stage)
        let elapsed = Int(
            clamping: (world.nowMilliseconds &- build.startedMilliseconds) / 1000)
        // What is late may end at any moment.
        let left = duration.map { max(1, $0.hostSeconds &- max(0, elapsed)) }
        let end = duration.map { max(1, $0.seconds &- max(0, elapsed)) }
        if let host {
            hosts[host]?.running(build.requirements, until: left, of: build.guestOS)
        }
        finish(build.guestOS, build.stage, tests: build.tests, at: end)
    }

    /// What follows the end of an attempt.
    private mutating func finish(
        _ guestOS: String, _ stage: BuildStage, tests needs: Requirements?, at end: Int?
    ) {
        guard stage == .build else { return }
        ends[guestOS, default: []].append(end)
        guard let end, let needs else { return }
        let test = Test(
            guestOS: guestOS, needs: needs, seconds: end, duration: usual(guestOS, .test))
        let place = tests.firstIndex { $0.seconds > end } ?? tests.endIndex
        tests.insert(test, at: place)
    }

    private mutating func start(_ build: QueuedBuild) -> Start {
        let places = places(build)
        if places.isEmpty { return .unknown("no host can take it now") }
        if let reason = placement.webRootReason(build) { return .unknown(reason) }
        guard let turn = turn(of: build) else { return unknown(build.guestOS, .build) }
        var first = first(of: places, build.requirements)
        while let (_, seconds) = first, let test = tests.first, build.stage == .build,
            test.seconds <= max(seconds, turn)
        {
            tests.removeFirst()
            start(test)
            first = self.first(of: places, build.requirements)
        }
        guard let (index, seconds) = first else {
            let blocker = places.compactMap { hosts[$0]?.unknown }.first
            return blocker.map { unknown($0, nil) } ?? .unknown("no host has room for it")
        }
        let start = max(seconds, turn)
        let duration = usual(build.guestOS, build.stage)
        hosts[index]?.take(
            build.requirements, until: duration.map { start + $0.hostSeconds },
            of: build.guestOS)
        finish(
            build.guestOS, build.stage, tests: build.tests,
            at: duration.map { start + $0.seconds })
        return .after(seconds: start)
    }

    private mutating func start(_ test: Test) {
        let able = hosts.indices.filter { hosts[$0]?.isTesting == true }
        // One that drains does it if no other can.
        let ready = able.filter { world.farm.hosts[$0].availability != .drained }
        guard let (index, seconds) = first(of: ready.isEmpty ? able : ready, test.needs) else {
            return
        }
        let start = max(seconds, test.seconds)
        hosts[index]?.take(
            test.needs, until: test.duration.map { start + $0.hostSeconds }, of: test.guestOS)
    }

    private func unknown(_ guestOS: String, _ stage: BuildStage?) -> Start {
        guard let usual = world.usual[guestOS] else {
            return .unknown("the history of \(guestOS) has not been read yet")
        }
        let missing = stage ?? (usual.build == nil ? .build : .test)
        let what = "no \(missing.rawValue) of \(guestOS) has passed yet"
        return .unknown("\(what), which would show how long it takes")
    }

    /// The hosts that may take it, now or later.
    private mutating func places(_ build: QueuedBuild) -> [Int] {
        let shape = BuildQueue.Shape(build)
        if let known = places[shape] { return known }
        let able = hosts.indices.filter { index in
            hosts[index] != nil && placement.impossible(build, at: index) == nil
                && (world.farm.hosts[index].availability != .drained
                    || placement.mayFinish(build, at: index))
        }
        let untried = able.filter { !build.failedHosts.contains(world.farm.hosts[$0].name) }
        let found = untried.isEmpty ? able : untried
        places[shape] = found
        return found
    }

    /// When nothing but room on a host keeps it waiting.
    private func turn(of build: QueuedBuild) -> Int? {
        let delay = build.notBeforeMilliseconds &- world.nowMilliseconds
        let due = delay > 0 ? Int(clamping: (delay &+ 999) / 1000) : 0
        guard build.stage == .build, let limit = build.concurrency,
            let all = ends[build.guestOS], all.count >= limit
        else { return due }
        let known = all.compactMap { $0 }.sorted()
        let index = all.count &- limit
        return known.indices.contains(index) ? max(due, known[index]) : nil
    }

    /// The host that has room first, and when.
    private func first(of places: [Int], _ needs: Requirements) -> (Int, Int)? {
        var best: (Int, Int)?
        for index in places {
            guard let seconds = hosts[index]?.earliest(needs) else { continue }
            if seconds < best?.1 ?? .max { best = (index, seconds) }
        }
        return best
    }
}
