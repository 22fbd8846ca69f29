import BuildProtocol
import CoordinatorCore
import Testing

/// The order of starts.
@Suite struct OrderTests {
    private let one = [host("a", slots: 1)]

    @Test("Nothing is decided about an empty queue")
    func nothingToDo() {
        #expect(Scheduler.decide(world([], [])).isEmpty)
        #expect(Scheduler.decide(world([host("a")], [])).isEmpty)
        #expect(Scheduler.decide(world([], [queued("b")])).isEmpty, "no host: wait for one")
    }

    @Test("The higher priority goes first")
    func higherPriorityFirst() {
        let queue = [
            queued("low", priority: -5, at: 1), queued("usual", at: 2),
            queued("urgent", priority: 7, at: 3),
        ]
        #expect(world([host("a", slots: 2)], queue).starts == ["urgent@a", "usual@a"])
    }

    @Test("Priority comes before fair share and age")
    func priorityFirst() {
        let queue = [
            queued("modest", owner: "modest", at: 1),
            queued("greedy", owner: "greedy", priority: 1, at: 2),
        ]
        #expect(world(one, queue, use: ["greedy": 1e9]).starts == ["greedy@a"])
    }

    @Test("The owner who used less goes first")
    func leastUseFirst() {
        let queue = [
            queued("a1", owner: "anna", at: 1), queued("b1", owner: "boris", at: 2),
            queued("c1", owner: "cleo", at: 3),
        ]
        let use = ["anna": 300.0, "boris": 200, "cleo": 100]
        #expect(
            world([host("h", slots: 3)], queue, use: use).starts == ["c1@h", "b1@h", "a1@h"])
    }

    @Test("Owners take turns within one decision")
    func ownersTakeTurns() {
        let queue =
            (1...4).map { queued("a\($0)", owner: "anna", at: Int64($0)) }
            + (1...4).map { queued("b\($0)", owner: "boris", at: Int64(10 + $0)) }
        #expect(
            world([host("h", slots: 6)], queue).starts
                == ["a1@h", "b1@h", "a2@h", "b2@h", "a3@h", "b3@h"])
    }

    @Test("The older build goes first")
    func olderFirst() {
        let queue = [queued("young", at: 9), queued("old", at: 1), queued("middle", at: 5)]
        let inOrder = queue.sorted { $0.submittedMilliseconds < $1.submittedMilliseconds }
        #expect(
            world([host("h", slots: 3)], inOrder).starts == ["old@h", "middle@h", "young@h"])
    }

    @Test("Ties are ordered by id")
    func tiesByID() {
        let queue = [queued("b", guestOS: "x"), queued("a", guestOS: "y")]
        #expect(world(one, queue).starts == ["a@a"])
    }

    @Test("A blocked build does not block the rest")
    func blockedBuild() {
        let queue = [
            queued("large", needs(memory: 200 * giB), at: 1), queued("small", at: 2),
        ]
        let busy = [runs("r", on: "a", needs(memory: 100 * giB))]
        #expect(world([host("a")], queue, running: busy).starts == ["small@a"])
    }

    @Test("A retry waits for its time, and is considered then")
    func retryTime() {
        let later = world(one, [queued("b", notBefore: 5_000)], now: 4_999)
        #expect(later.starts.isEmpty)
        #expect(later.wakeAt == 5_000)
        let now = world(one, [queued("b", notBefore: 5_000)], now: 5_000)
        #expect(now.starts == ["b@a"])
        #expect(now.wakeAt == nil)
    }

    @Test("The next decision is at the earliest due time")
    func earliestWake() {
        let hosts = [
            host("a", .quarantined(remainingMilliseconds: 7_000, "is quarantined")),
            host("b", .quarantined(remainingMilliseconds: 4_000, "is quarantined")),
        ]
        let queue = [queued("x", notBefore: 9_000), queued("y", notBefore: 6_000), queued("z")]
        #expect(world(hosts, queue).wakeAt == 4_000)
        #expect(world([hosts[0]], queue).wakeAt == 6_000)
    }

    @Test("A full web root is checked again")
    func fullWebRootIsPolled() throws {
        let full = world(
            one, [queued("b", needs(disk: 10 * giB))], now: 1_000, webRoot: 9 * giB)
        #expect(full.starts.isEmpty)
        let wakeAt = try #require(full.wakeAt, "no event signals that a disk has room again")
        #expect((1_001...61_000).contains(wakeAt))
        let roomy = world(
            one, [queued("b", needs(disk: 10 * giB))], now: 1_000, webRoot: 10 * giB)
        #expect(roomy.starts == ["b@a"])
        #expect(roomy.wakeAt == nil)
    }

    @Test("The order of hosts does not matter")
    func hostOrder() {
        let hosts = ["c", "a", "b"].map { host($0) }
        let queue = (1...5).map { queued("q\($0)", at: Int64($0)) }
        let impossible = [queued("no", needs(vcpus: 1000))]
        let expected = Scheduler.decide(world(hosts, queue + impossible))
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let shuffled = world(order.map { hosts[$0] }, queue + impossible)
            #expect(Scheduler.decide(shuffled) == expected)
            #expect(shuffled.waiting("q5") == world(hosts, queue + impossible).waiting("q5"))
        }
    }
}
