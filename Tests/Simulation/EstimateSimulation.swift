import BuildProtocol
import CoordinatorCore

/// A farm of a month: everything is built each night, and what is pushed during the day; some
/// builds fail, and some attempts are lost. The scheduler starts them, and each build is estimated
/// once while it waits and once while it runs, from what had passed by then.
struct EstimateSimulation {
    private struct Running {
        var build: QueuedBuild
        var guestOS: Int
        var host: String
        var startedSeconds: Int
        var leavesSeconds: Int
        var endsSeconds: Int
        var end: End
    }

    private enum End { case passes, fails, isLost }

    private struct Guess {
        var range: TimeRange
        var middle, plain: Int64
    }

    private static let lookSeconds = 120
    private static let kept = 40

    private(set) var score = EstimateScore()
    private var random: SeededGenerator
    private let farm: EstimateFarm
    private var arrivals: [(seconds: Int, build: QueuedBuild)] = []
    private var next = 0
    private var view: Farm
    private var queue = BuildQueue()
    private var queued: [String: QueuedBuild] = [:]
    private var running: [Running] = []
    private var share = FairShare()
    private var usual: [String: UsualDurations] = [:]
    private var guesses: [String: Guess] = [:]
    private var endGuesses: [String: Guess] = [:]
    private var asked: Set<String> = []
    private var now = 0
    private var look = 0
    private let guestOSes: [String: Int]
    /// Whether running builds are estimated too, which takes most of the time.
    private let asksEnds: Bool

    init(seed: UInt64, builds: Int, asksEnds: Bool = true) {
        self.asksEnds = asksEnds
        random = SeededGenerator(seed: seed)
        farm = EstimateFarm(&random)
        view = Farm(farm.hosts)
        guestOSes = Dictionary(
            uniqueKeysWithValues: farm.guestOSes.enumerated().map { ($0.element.name, $0.offset) })
        score.builds = builds
        var day = 0
        while arrivals.count < builds {
            for index in farm.guestOSes.indices { arrive(at: day * 86_400, index, priority: 0) }
            for _ in 0..<360 {
                let seconds = day * 86_400 + 6 * 3600 + random.below(12 * 3600)
                arrive(
                    at: seconds, random.below(farm.guestOSes.count),
                    priority: random.below(10) == 0 ? 10 : 0)
            }
            day += 1
        }
        arrivals = Array(arrivals.prefix(builds)).sorted {
            ($0.seconds, $0.build.id) < ($1.seconds, $1.build.id)
        }
    }

    private mutating func arrive(at seconds: Int, _ index: Int, priority: Int) {
        let guestOS = farm.guestOSes[index]
        arrivals.append(
            (
                seconds,
                QueuedBuild(
                    id: "b\(arrivals.count)", guestOS: guestOS.name, owner: guestOS.owner,
                    priority: priority, submittedMilliseconds: Int64(seconds) * 1000,
                    requirements: guestOS.needs, concurrency: guestOS.concurrency,
                    tests: guestOS.testSeconds == nil ? nil : guestOS.needs)
            ))
    }

    mutating func run() {
        while true {
            let moments = [
                next < arrivals.count ? arrivals[next].seconds : nil,
                running.map { max($0.leavesSeconds, now + 1) }.min(),
                running.map(\.endsSeconds).min(),
                queued.values.map { Int($0.notBeforeMilliseconds / 1000) }
                    .filter { [now] in $0 > now }.min(),
            ].compactMap(\.self)
            guard let moment = moments.min() else { return }
            now = min(moment, look > now ? look : moment)
            happen()
            decide()
            if now >= look {
                ask()
                look = now + Self.lookSeconds
            }
        }
    }

    // MARK: What happens

    private mutating func happen() {
        while next < arrivals.count, arrivals[next].seconds <= now {
            enqueue(arrivals[next].build)
            next += 1
        }
        for index in running.indices.reversed() {
            if running[index].leavesSeconds <= now { leave(running[index]) }
            guard running[index].endsSeconds <= now else { continue }
            end(running.remove(at: index))
        }
    }

    private mutating func enqueue(_ build: QueuedBuild) {
        queued[build.id] = build
        queue.insert(build)
    }

    private func shown(_ run: Running, on host: String?) -> RunningBuild {
        RunningBuild(
            id: run.build.id, stage: run.build.stage, guestOS: run.build.guestOS,
            owner: run.build.owner, host: host, requirements: run.build.requirements,
            startedMilliseconds: Int64(run.startedSeconds) * 1000, tests: run.build.tests,
            priority: run.build.priority,
            submittedMilliseconds: run.build.submittedMilliseconds)
    }

    private mutating func leave(_ run: Running) {
        guard view.running[run.build.id]?.host != nil else { return }
        view.begin(shown(run, on: nil))
    }

    private mutating func end(_ run: Running) {
        view.end(run.build.id)
        share.add(
            since: Int64(run.startedSeconds) * 1000, to: run.build.owner, at: Int64(now) * 1000)
        var again = run.build
        switch run.end {
        case .passes:
            let duration = StageDuration(
                hostSeconds: run.leavesSeconds - run.startedSeconds,
                seconds: now - run.startedSeconds, host: run.host)
            remember(duration, of: run.build)
            guard run.build.stage == .build, let needs = run.build.tests else {
                return settle(run.build.id)
            }
            again.stage = .test
            again.requirements = needs
            again.tests = nil
            again.failedHosts = []
            enqueue(again)
        case .fails: endGuesses[run.build.id] = nil
        case .isLost:
            endGuesses[run.build.id] = nil
            again.failedHosts.insert(run.host)
            again.notBeforeMilliseconds = Int64(now + 30) * 1000
            enqueue(again)
        }
    }

    private mutating func remember(_ duration: StageDuration, of build: QueuedBuild) {
        var known = usual[build.guestOS] ?? UsualDurations()
        func added(_ durations: [StageDuration]) -> [StageDuration] {
            Array(([duration] + durations).prefix(Self.kept))
        }
        if build.stage == .build {
            known.build = added(known.build)
        } else {
            known.test = added(known.test)
        }
        usual[build.guestOS] = known
    }

    private mutating func settle(_ id: String) {
        guard let guess = endGuesses.removeValue(forKey: id) else { return }
        score.ends.add(
            guess.range, middle: guess.middle, plain: guess.plain, truth: Int64(now) * 1000)
    }

    // MARK: What starts

    private mutating func world() -> World {
        let milliseconds = Int64(now) * 1000
        queue.releaseDue(at: milliseconds)
        return World(
            nowMilliseconds: milliseconds, farm: view, queue: queue,
            use: share.values(at: milliseconds), usual: usual)
    }

    private mutating func decide() {
        guard !queued.isEmpty else { return }
        for case .start(let id, let host) in Scheduler.decide(world()) {
            guard let build = queued.removeValue(forKey: id),
                let index = guestOSes[build.guestOS]
            else { continue }
            queue.remove(build)
            if build.stage == .build, let guess = guesses.removeValue(forKey: id) {
                score.waits.append(now - Int(build.submittedMilliseconds / 1000))
                score.starts.add(
                    guess.range, middle: guess.middle, plain: guess.plain,
                    truth: Int64(now) * 1000)
            }
            let run = begin(build, index, at: host)
            running.append(run)
            view.begin(shown(run, on: host))
        }
    }

    private mutating func begin(_ build: QueuedBuild, _ index: Int, at host: String) -> Running {
        var seconds = farm.seconds(farm.guestOSes[index], build.stage, on: host, &random)
        let fate = random.below(100)
        let end: End = fate < 6 ? .fails : fate < 8 ? .isLost : .passes
        if end != .passes { seconds = max(3, seconds * random.below(100) / 100) }
        let publishing = end == .passes && build.stage == .build ? 5 + random.below(25) : 1
        return Running(
            build: build, guestOS: index, host: host, startedSeconds: now,
            leavesSeconds: now + seconds, endsSeconds: now + seconds + publishing, end: end)
    }

    // MARK: What is estimated

    private mutating func ask() {
        let waits = queued.values.filter { $0.stage == .build && !asked.contains($0.id) }
        let runs = running.filter {
            asksEnds && $0.build.stage == .build && endGuesses[$0.build.id] == nil
                && !asked.contains("end " + $0.build.id)
        }
        guard !waits.isEmpty || !runs.isEmpty else { return }
        let world = world()
        let explanation = Scheduler.Explanation(world)
        for build in waits {
            asked.insert(build.id)
            guard let waiting = explanation.waiting(build.id), let range = waiting.start,
                let seconds = waiting.etaSeconds
            else {
                score.unknown += 1
                continue
            }
            guesses[build.id] = Guess(
                range: range, middle: world.nowMilliseconds + Int64(seconds) * 1000,
                plain: plainStart(waiting.position))
        }
        for run in runs {
            asked.insert("end " + run.build.id)
            guard case .range(let range, let seconds)? = explanation.end(of: run.build.id) else {
                continue
            }
            endGuesses[run.build.id] = Guess(
                range: range, middle: world.nowMilliseconds + Int64(seconds) * 1000,
                plain: plainEnd(run))
        }
    }

    private func average(_ guestOS: String) -> Int {
        let known = usual[guestOS]
        func mean(_ all: [StageDuration]?) -> Int {
            guard let all, !all.isEmpty else { return 0 }
            return all.map(\.seconds).reduce(0, +) / all.count
        }
        return mean(known?.build) + mean(known?.test)
    }

    /// The work ahead by average durations, shared among all slots.
    private func plainStart(_ position: Int) -> Int64 {
        let slots = farm.hosts.compactMap { $0.report?.slots }.reduce(0, +)
        let left = running.map { max(0, average($0.build.guestOS) - (now - $0.startedSeconds)) }
        let mean = queued.values.map { average($0.guestOS) }.reduce(0, +) / max(1, queued.count)
        let work = left.reduce(0, +) / 2 + mean * (position - 1)
        return Int64(now + work / slots) * 1000
    }

    private func plainEnd(_ run: Running) -> Int64 {
        Int64(max(now, run.startedSeconds + average(run.build.guestOS))) * 1000
    }
}
