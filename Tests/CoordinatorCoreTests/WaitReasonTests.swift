import BuildProtocol
import CoordinatorCore
import Testing

/// What the queue waits for, as numbers.
@Suite struct WaitReasonTests {
    @Test("Every queued build is counted once, with what it waits for")
    func counts() {
        let busy = runs("r", on: "small", needs(vcpus: 2))
        let queue =
            (1...3).map { queued("big\($0)", needs(vcpus: 8)) }
            + [
                queued("tag", needs(tags: ["ssd"])), queued("later", notBefore: 900),
                queued("due", notBefore: 5), queued("limited", guestOS: "x", concurrency: 0),
                queued("failed", failed: ["small"]),
            ]
        let farm = world(
            [
                host("small", vcpus: 8), host("away", tags: ["ssd"], .away("is away")),
            ], queue, running: [busy], now: 10)
        #expect(
            Scheduler.waitReasons(farm) == [
                .noRoom: 3, .hostsNotReady: 1, .retryDelay: 1, .starting: 1, .concurrency: 1,
                .otherHostPreferred: 1,
            ])
    }

    @Test("Without hosts, and with drained ones, that is the reason")
    func absence() {
        let queue = [queued("a"), queued("b", notBefore: 900)]
        #expect(Scheduler.waitReasons(world([], queue)) == [.noHosts: 1, .retryDelay: 1])
        let drained = world([host("a", .drained)], queue)
        #expect(Scheduler.waitReasons(drained) == [.hostsDrained: 1, .retryDelay: 1])
        #expect(Scheduler.waitReasons(world([host("a")], [])) == [:])
    }

    @Test("In any farm, the counts are those of the queue", arguments: 0..<50)
    func anyFarm(seed: Int) {
        var random = Seeded(seed: seed)
        let farm = random.world()
        let counted = Scheduler.waitReasons(farm).values.reduce(0, +)
        #expect(counted == farm.queue.builds.count)
    }
}
