import BuildProtocol
@testable import CoordinatorCore
import Testing

/// When queued builds start, by what the stages of their guest OSes usually take.
@Suite("Estimated starts") struct ForecastTests {
    /// A build leaves its host after 40 s, its image is published 5 s later, its test takes 20 s.
    private static let usual = [
        "debian": UsualDurations(
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
        let usual = ["debian": UsualDurations(build: StageDuration(seconds: 100))]
        let busy = [runs("r", on: "h0")]
        let all = world(farm(1), queue(2), running: busy, now: 60_000, usual: usual)
        #expect(eta(all) == 40)
        #expect(eta(all, "q2") == 140)
        let unknown = world(farm(1), queue(2), running: busy)
        #expect(eta(unknown) == nil)
        let late = world(farm(1), queue(2), running: busy, now: 900_000, usual: usual)
        #expect(eta(late) == 1, "never in the past")
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
        let half = ["arch": UsualDurations(build: StageDuration(seconds: 9))]
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

    @Test("The usual duration is the median")
    func median() {
        let recent = [3, 900, 5, 4, 1].map { StageDuration(hostSeconds: $0, seconds: $0 + 2) }
        #expect(StageDuration(usualOf: recent) == StageDuration(hostSeconds: 4, seconds: 6))
        #expect(StageDuration(usualOf: []) == nil)
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
        guard let duration = build.stage == .build ? usual?.build : usual?.test else { return }
        if elapsed >= duration.hostSeconds { running[index].host = nil }
        guard elapsed >= duration.seconds else { return }
        running.remove(at: index)
        guard build.stage == .build, let needs = build.tests else { return }
        var test = queued(build.id, needs, at: build.startedMilliseconds)
        test.stage = .test
        queue.append(test)
    }
}
