import BuildProtocol
import CoordinatorCore
import Testing

/// Explanations follow the same rules as the decisions.
@Suite struct ExplainTests {
    private func summary(_ world: World, _ id: String = "q") -> [String]? {
        world.waiting(id).map { [$0.summary, $0.remedy] }
    }

    @Test("Positions follow the order of starts")
    func positions() {
        let queue = [
            queued("old", owner: "anna", at: 1), queued("urgent", priority: 5, at: 2),
            queued("modest", owner: "boris", at: 3), queued("later", at: 4, notBefore: 900),
            queued("soon", at: 5, notBefore: 500),
        ]
        let explained = Scheduler.explain(world([], queue, use: ["anna": 10]))
        #expect(explained.map(\.build) == ["urgent", "modest", "old", "soon", "later"])
        #expect(explained.map(\.waiting.position) == [1, 2, 3, 4, 5])
    }

    @Test("An explanation can be limited, or be of one build")
    func limitAndOnly() {
        let queue = (1...9).map { queued("q\($0)", at: Int64($0)) }
        let all = world([host("a")], queue)
        #expect(Scheduler.explain(all, limit: 3).map(\.build) == ["q1", "q2", "q3"])
        #expect(Scheduler.explain(all, only: "q7", limit: 1).map(\.waiting.position) == [7])
        #expect(Scheduler.explain(all, only: "none").isEmpty)
    }

    @Test("Without hosts, the remedy is to add one")
    func withoutHosts() {
        #expect(
            summary(world([], [queued("q")])) == [
                "no host is registered", "add one: aibuild host add NAME --address user@host",
            ])
    }

    @Test("A retry names its delay")
    func retryDelay() {
        #expect(
            summary(world([host("a")], [queued("q", notBefore: 61_500)], now: 1_000)) == [
                "waits 61 s before a retry", "nothing to do",
            ])
    }

    @Test("A concurrency limit is named")
    func concurrency() {
        let busy = [runs("r1", on: "a"), runs("r2", on: nil)]
        #expect(
            summary(world([host("a")], [queued("q", concurrency: 2)], running: busy)) == [
                "debian may run 2 builds at once, and as many run",
                "wait, or raise concurrency in aibuild.yml",
            ])
    }

    @Test("A full web root is named")
    func webRoot() {
        #expect(
            summary(world([host("a")], [queued("q", needs(disk: 3 * giB))], webRoot: giB * 3 / 2))
                == [
                    "the web root has 1.5 GiB free, the build may need 3 GiB",
                    "free space on the web root's disk",
                ])
    }

    @Test("Hosts that are not ready are named")
    func noHostIsReady() {
        let hosts = [
            host("a", .drained), host("b", .away("connection refused")),
            host("c", .quarantined(remainingMilliseconds: 5, "is quarantined for 1 s more")),
        ]
        let waiting = world(hosts, [queued("q")]).waiting("q")
        #expect(
            waiting?.summary == "no host is ready: a is drained, b connection refused, "
                + "c is quarantined for 1 s more")
        #expect(waiting?.remedy == "run: aibuild host list")
        #expect(
            waiting?.hosts.map { "\($0.host) \($0.reason)" } == [
                "a is drained", "b connection refused", "c is quarantined for 1 s more",
            ])
    }

    @Test("The reason against each host is named")
    func hostReasons() {
        var silent = host("silent")
        silent.report = nil
        let hosts = [
            host("a", slots: 1), host("b", vcpus: 4), host("c", memory: 8 * giB),
            host("d", disk: giB), silent, host("x", vcpus: 2),
        ]
        let busy = [
            runs("r1", on: "a"), runs("r2", on: "b", needs(vcpus: 2)),
            runs("r3", on: "c", needs(memory: 6 * giB)),
        ]
        let all = world(
            hosts, [queued("q", needs(vcpus: 3, memory: 4 * giB, disk: 2 * giB))], running: busy)
        #expect(all.reason("q", "a") == "its slot is taken")
        #expect(all.reason("q", "b") == "needs 3 vCPUs, 2 free")
        #expect(all.reason("q", "c") == "needs 4 GiB of memory, 2 GiB free")
        #expect(all.reason("q", "d") == "needs 2 GiB of disk, 1 GiB free")
        #expect(all.reason("q", "silent") == "has not reported yet")
        #expect(all.reason("q", "x") == "needs 3 vCPUs, the host has 2")
        #expect(summary(all) == ["no host has room now", "wait, or add a host"])
        #expect(all.starts.isEmpty, "what is explained is what is decided")
    }

    @Test("A build that only waits for its turn is explained so")
    func waitsForItsTurn() {
        let queue = [queued("first", at: 1), queued("q", at: 2)]
        let all = world([host("a", slots: 1)], queue)
        #expect(
            summary(all) == [
                "1 build is ahead in the queue", "wait, or submit with a higher priority",
            ])
        #expect(all.reason("q", "a") == "is free; builds ahead in the queue come first")
    }

    @Test("The first of a queue is not told that others are ahead of it")
    func firstOfTheQueue() {
        let all = world([host("a")], [queued("q")])
        #expect(summary(all) == ["a host is free: it starts in a moment", "nothing to do"])
        #expect(all.reason("q", "a") == "is free")
        let failed = world([host("a"), host("b", slots: 0)], [queued("q", failed: ["a"])])
        #expect(
            summary(failed)?.first
                == "the free hosts failed this build before, and another one is preferred")
    }
}
