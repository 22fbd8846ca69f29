import BuildProtocol
@testable import CoordinatorCore
import Testing

/// When queued builds start, by what the stages of their guest OSes usually take.
@Suite("Estimated starts") struct ForecastTests {
    /// A build leaves its host after 40 s, its image is published 5 s later, its test takes 20 s.
    private static let usual: [String: UsualDurations] = [
        "debian": .always(
            build: StageDuration(hostSeconds: 40, seconds: 45),
            test: StageDuration(hostSeconds: 20, seconds: 21))
    ]

    private func farm(_ slots: Int...) -> [HostView] {
        slots.enumerated().map { index, slots in
            var view = host("h\(index)", slots: slots)
            view.report?.runsTests = true
            return view
        }
    }

    private func queue(_ count: Int, tests: Requirements? = nil) -> [QueuedBuild] {
        (1...count).map { queued("q\($0)", at: Int64($0), tests: tests) }
    }

    private func eta(_ world: World, _ id: String = "q1") -> Int? { world.waiting(id)?.etaSeconds }

    @Test("The time to wait comes from history")
    func estimate() {
        let usual = ["debian": UsualDurations.always(build: StageDuration(seconds: 100))]
        let busy = [runs("r", on: "h0")]
        let all = world(farm(1), queue(2), running: busy, now: 60_000, usual: usual)
        #expect(eta(all) == 40)
        #expect(eta(all, "q2") == 140)
        let unknown = world(farm(1), queue(2), running: busy)
        #expect(eta(unknown) == nil)
        let late = world(farm(1), queue(2), running: busy, now: 900_000, usual: usual)
        let range = late.waiting("q1")?.start
        #expect((900_001...920_000).contains(range?.fromMilliseconds ?? 0), "never in the past")
        #expect((range?.toMilliseconds ?? 0) > 1_200_000, "what takes long may take longer")
    }

    /// 9 s were promised, and 31 s came: the test of the image before was not counted.
    @Test("The tests of the builds ahead count")
    func testsAhead() {
        let busy = [runs("r", on: "h0", tests: needs())]
        let all = world(
            farm(1), queue(2, tests: needs()), running: busy, now: 30_000, usual: Self.usual)
        #expect(eta(all) == 10, "its slot is free before its image is published")
        #expect(eta(all, "q2") == 90, "after the build of q1, and the tests of r and q1")
    }

    @Test("A test that runs, or is about to be queued, counts")
    func testsThatRun() {
        let testing = [runs("r", on: "h0", stage: .test)]
        #expect(
            eta(world(farm(1), queue(1), running: testing, now: 5_000, usual: Self.usual)) == 15)
        // The image is published in 2 s; what is queued meanwhile takes the free slot.
        let publishing = [runs("r", on: nil, tests: needs())]
        let all = world(farm(1), queue(2), running: publishing, now: 43_000, usual: Self.usual)
        #expect(eta(all) == 0)
        #expect(eta(all, "q2") == 60)
    }

    @Test("A free host starts the first build at once")
    func freeHost() {
        #expect(eta(world(farm(1), queue(2), usual: Self.usual)) == 0)
        #expect(eta(world(farm(1), queue(2), usual: Self.usual), "q2") == 40)
        #expect(eta(world(farm(1, 1), queue(2)), "q2") == 0, "no history is needed")
    }

    @Test("Only hosts that can take the build count")
    func suitableHosts() {
        var queue = queue(1)
        queue[0].requirements = needs(tags: ["nested"])
        let hosts = farm(1) + [host("big", slots: 1, tags: ["nested"])]
        let busy = [runs("r", on: "big", needs(tags: ["nested"]), since: -10_000)]
        #expect(eta(world(hosts, queue, running: busy, usual: Self.usual)) == 30)
        let fat = [queued("q1", needs(memory: 200 * giB))]
        let full = [
            runs("r1", on: "h0", needs(memory: 100 * giB)),
            runs("r2", on: "h0", needs(memory: 100 * giB), since: -25_000),
        ]
        #expect(eta(world(farm(4), fat, running: full, usual: Self.usual)) == 40, "both must end")
    }

    @Test("Delays count: of a retry, a quarantine, and the concurrency of a guest OS")
    func delays() {
        #expect(eta(world(farm(1), [queued("q1", notBefore: 61_500)], now: 1_000)) == 61)
        var hosts = farm(1)
        hosts[0].availability = .quarantined(remainingMilliseconds: 30_500, "rests")
        #expect(eta(world(hosts, queue(1))) == 31)
        let busy = [runs("r", on: "h0")]
        let limited = [queued("q1", concurrency: 1)]
        #expect(eta(world(farm(2), limited, running: busy, usual: Self.usual)) == 45)
        #expect(eta(world(farm(2), queue(1), running: busy, usual: Self.usual)) == 0)
    }

    @Test("Without an estimate, the reason is given")
    func reasons() {
        func reason(_ world: World) -> String? {
            let waiting = world.waiting("q1")
            return waiting?.etaSeconds == nil ? waiting?.etaReason : nil
        }
        let busy = [runs("r", on: "h0", guestOS: "arch")]
        #expect(
            reason(world(farm(1), queue(1), running: busy))
                == "the history of arch has not been read yet")
        #expect(
            reason(world(farm(1), queue(1), running: busy, usual: ["arch": UsualDurations()]))
                == "no build of arch has passed yet, which would show how long it takes")
        let testing = [runs("r", on: "h0", stage: .test, guestOS: "arch")]
        let half = ["arch": UsualDurations(build: [StageDuration(seconds: 9)])]
        #expect(
            reason(world(farm(1), queue(1), running: testing, usual: half))
                == "no test of arch has passed yet, which would show how long it takes")
        #expect(reason(world([], queue(1))) == "no host can take it now")
        #expect(
            reason(world([host("a", .away("refused"))], queue(1))) == "no host can take it now")
        #expect(
            reason(world(farm(1), [queued("q1", needs(disk: 3 * giB))], webRoot: giB))
                == "the web root has 1 GiB free, the build may need 3 GiB")
    }

    @Test("A long queue goes on at the pace of its beginning")
    func longQueue() {
        let all = world(farm(1, 1), queue(400), usual: Self.usual)
        #expect(eta(all, "q100") == 49 * 40)
        #expect(eta(all, "q400") == 49 * 40 * 4)
        let unknown = world(farm(1, 1), queue(400))
        #expect(unknown.waiting("q400")?.etaReason == "nobody knows when builds ahead of it start")
    }

    @Test("Times that no clock shows do not end the coordinator")
    func extremeTimes() {
        for moment in [Int64.min, .max] {
            let busy = [runs("r", on: "h0", since: moment)]
            let odd = world(farm(1), queue(1), running: busy, usual: Self.usual)
            #expect((eta(odd) ?? 0) >= 1)
        }
        let long = StageDuration(
            startedMilliseconds: .min, leftHostMilliseconds: .max,
            endedMilliseconds: .max)
        #expect(long.seconds <= 10 * 365 * 86_400 && long.hostSeconds <= long.seconds)
        #expect(StageDuration(hostSeconds: 9, seconds: 5).hostSeconds == 5)
    }

    // MARK: Ranges

    private func range(_ world: World, _ id: String = "q1") -> String? {
        guard let waiting = world.waiting(id), let start = waiting.start else { return nil }
        let seconds = [start.fromMilliseconds, start.toMilliseconds].map {
            ($0 - world.nowMilliseconds) / 1000
        }
        return "\(seconds[0])–\(seconds[1]), from \(start.basis?.words ?? "nothing")"
    }

    private static func spread(_ seconds: some Sequence<Int>, on host: String? = nil)
        -> [StageDuration]
    {
        seconds.map { StageDuration(hostSeconds: $0, seconds: $0 + 1, host: host) }
    }

    @Test("A range holds nine of ten past durations, and names the builds it is from")
    func ranges() {
        let usual = ["debian": UsualDurations(build: Self.spread(1...100))]
        let all = world(farm(1), queue(2), usual: usual)
        #expect(range(all) == "0–0, from nothing")
        #expect(range(all, "q2") == "3–102, from 100 builds of debian")
        let chained = world(farm(1), queue(11), usual: usual)
        let sum = chained.waiting("q11")?.start
        let width = ((sum?.toMilliseconds ?? 0) - (sum?.fromMilliseconds ?? 0)) / 1000
        #expect((150...600).contains(width), "long and short ones even out: \(width)")
    }

    @Test("A build that runs ends among the durations that are longer than it has taken")
    func endOfRunning() throws {
        let usual = ["debian": UsualDurations(build: Self.spread(1...100))]
        let busy = [runs("r", on: "h0")]
        let all = world(farm(1), queue(1), running: busy, now: 90_000, usual: usual)
        let end = try #require(Scheduler.Explanation(all).end(of: "r")?.range)
        #expect(end.fromMilliseconds >= 91_000 && end.toMilliseconds <= 102_000)
        #expect(end.basis == TimeRange.Basis(builds: 100, of: "debian"))
        #expect(Scheduler.Explanation(all).end(of: "q1") == nil)
        // The test of its image belongs to it.
        let tested = [runs("r", on: "h0", tests: needs())]
        let longer = world(farm(1), [], running: tested, now: 30_000, usual: Self.usual)
        guard case .range(_, 36)? = Scheduler.Explanation(longer).end(of: "r") else {
            Issue.record("15 s until it is recorded, and 21 s for its test")
            return
        }
    }

    @Test("Few builds give a wide range, and say so; none gives the reason")
    func fewBuilds() {
        func start(_ count: Int) -> String? {
            let usual = [
                "debian": UsualDurations(
                    build: Array(repeating: StageDuration(seconds: 100), count: count))
            ]
            return range(world(farm(1), queue(2), usual: usual), "q2")
        }
        #expect(start(1) == "54–183, from 1 build of debian")
        #expect(start(2) == "68–144, from 2 builds of debian")
        #expect(start(10) == "95–105, from 10 builds of debian")
        #expect(start(0) == nil)
    }

    @Test("Durations are those of the host, then of hosts alike, if there are enough")
    func narrowestPool() {
        var hosts = farm(1, 1, 1)
        for index in 0..<2 { hosts[index].report?.accelerators = [.kvm, .tcg] }
        let slow = Self.spread(Array(repeating: 900, count: 8), on: "h2")
        func start(_ fast: Int, _ other: Int) -> String? {
            let usual = [
                "debian": UsualDurations(
                    build: slow + Self.spread(Array(repeating: 30, count: fast), on: "h0")
                        + Self.spread(Array(repeating: 60, count: other), on: "h1"))
            ]
            let away = hosts.map { host in
                var host = host
                if host.name != "h0" { host.availability = .away("gone") }
                return host
            }
            return range(world(away, queue(2), usual: usual), "q2")
        }
        #expect(start(8, 5) == "26–34, from 8 builds of debian on h0")
        #expect(start(7, 3) == "28–63, from 10 builds of debian on hosts with KVM")
        #expect(start(2, 2)?.hasSuffix("from 12 builds of debian") == true)
    }

    @Test("The owner who used the farm least comes first, as builds end")
    func fairShare() {
        var queue = (1...6).map { queued("a\($0)", owner: "a", at: Int64($0)) }
        queue += (1...2).map { queued("b\($0)", owner: "b", at: Int64(10 + $0)) }
        let all = world(farm(1), queue, use: ["a": 0, "b": 90], usual: Self.usual)
        // After three builds, a has used 120 s.
        #expect(["a1", "a2", "a3"].map { eta(all, $0) } == [0, 40, 80])
        #expect(["b1", "b2", "a4"].map { eta(all, $0) } == [120, 160, 200])
    }

    @Test("A host that drains is empty when the last of its builds has left")
    func emptyHost() {
        let busy = [runs("r1", on: "h0"), runs("r2", on: "h0", since: -15_000)]
        func empty(_ hosts: [HostView], _ running: [RunningBuild]) -> String {
            switch Scheduler.Explanation(
                world(hosts, [], running: running, now: 0, usual: Self.usual)
            ).empty(host: "h0") {
            case .range(let range, _):
                "\(range.fromMilliseconds / 1000), \(range.basis?.words ?? "")"
            case .unknown(let why): why
            }
        }
        #expect(empty(farm(2), busy) == "38, 20 builds of debian")
        #expect(empty(farm(2), []) == "0, ")
        // No other host can test its images.
        #expect(empty(farm(2), [runs("r1", on: "h0", tests: needs())]).hasPrefix("61,"))
        #expect(empty(farm(2, 1), [runs("r1", on: "h0", tests: needs())]).hasPrefix("38,"))
        #expect(
            empty(farm(2), [runs("r1", on: "h0", guestOS: "arch")])
                == "the history of arch has not been read yet")
    }

    @Test(
        "If everything takes as long as usual, builds start when it was estimated",
        arguments: [[1], [2], [1, 1], [3, 1], [2, 2, 2]], [1, 5, 12])
    func comesTrue(_ slots: [Int], _ count: Int) {
        let hosts = slots.enumerated().map { index, slots in
            var view = host("h\(index)", slots: slots)
            view.report?.runsTests = true
            return view
        }
        var played = PlayedFarm(
            hosts: hosts, queue: queue(count, tests: needs()), usual: Self.usual["debian"])
        let estimated = Dictionary(
            uniqueKeysWithValues: Scheduler.explain(played.world).map {
                ($0.build, $0.waiting.etaSeconds)
            })
        played.play()
        #expect(played.started.count == count)
        for (id, second) in played.started { #expect(estimated[id] == second, "\(id)") }
    }
}

/// A farm in which everything takes as long as usual, second by second.
private struct PlayedFarm {
    let hosts: [HostView]
    var queue: [QueuedBuild]
    let usual: UsualDurations?
    var running: [RunningBuild] = []
    var now = 0
    /// When each build started.
    private(set) var started: [String: Int] = [:]

    init(hosts: [HostView], queue: [QueuedBuild], usual: UsualDurations?) {
        self.hosts = hosts
        self.queue = queue
        self.usual = usual
    }

    var world: World {
        CoordinatorCoreTests.world(
            hosts, queue, running: running, now: Int64(now) * 1000,
            usual: usual.map { ["debian": $0] } ?? [:])
    }

    mutating func play() {
        while !(queue.isEmpty && running.isEmpty), now < 10_000 {
            for decision in Scheduler.decide(world) {
                guard case .start(let id, let host) = decision else { continue }
                start(id, host)
            }
            now += 1
            for index in running.indices.reversed() { look(at: index) }
        }
    }

    private mutating func start(_ id: String, _ host: String) {
        guard let index = queue.firstIndex(where: { $0.id == id }) else { return }
        let build = queue.remove(at: index)
        if build.stage == .build { started[id] = now }
        running.append(
            runs(
                id, on: host, build.requirements, stage: build.stage, since: Int64(now) * 1000,
                tests: build.tests))
    }

    private mutating func look(at index: Int) {
        let build = running[index]
        let elapsed = now - Int(build.startedMilliseconds / 1000)
        guard let duration = (build.stage == .build ? usual?.build : usual?.test)?.first else {
            return
        }
        if elapsed >= duration.hostSeconds { running[index].host = nil }
        guard elapsed >= duration.seconds else { return }
        running.remove(at: index)
        guard build.stage == .build, let needs = build.tests else { return }
        var test = queued(build.id, needs, at: build.startedMilliseconds)
        test.stage = .test
        queue.append(test)
    }
}
