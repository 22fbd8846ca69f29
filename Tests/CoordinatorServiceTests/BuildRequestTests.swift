import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// Builds that messages request, and their answers.
@Suite(.timeLimit(.minutes(1))) struct BuildRequestTests {
    private func withFarm(
        queuedBuilds: Int = 100, store: any Store & LeaseStore = InMemoryStore(),
        _ body: (TestFarm, Coordinator, FakeRequestQueue) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 0, store: store)
        let queue = FakeRequestQueue()
        let coordinator = Coordinator(ports: Self.ports(farm, queue, queuedBuilds))
        try await coordinator.lead(farm.epoch)
        do { try await body(farm, coordinator, queue) } catch {
            await coordinator.stop()
            throw error
        }
        await coordinator.stop()
    }

    private static func ports(
        _ farm: TestFarm, _ queue: FakeRequestQueue, _ queuedBuilds: Int = 100
    ) -> Ports {
        var ports = farm.ports
        ports.requestQueue = queue
        ports.pages = "http://farm"
        ports.limits.queuedBuilds = queuedBuilds
        return ports
    }

    private static let debian = #"{"guestOS": "debian"}"#

    private func builds(_ farm: TestFarm) async throws -> [Build] {
        try await farm.store.builds(BuildFilter(guestOS: "debian"), limit: 10)
    }

    private func deliveries(_ farm: TestFarm) async throws -> [Delivery] {
        try await farm.store.deliveries(DeliveryFilter(hook: "rabbitmq"), limit: 10)
    }

    /// Time passes until it is so.
    private func eventual(
        _ what: String, _ farm: TestFarm, _ condition: () async throws -> Bool
    ) async throws {
        try await eventually(what) {
            if try await condition() { return true }
            await farm.clock.advance(milliseconds: 1_000)
            return false
        }
    }

    @Test("A message is acknowledged once its build is stored, and answered until its end")
    func requested() async throws {
        try await withFarm { farm, coordinator, queue in
            queue.put(
                #"{"guestOS": "debian", "variables": {"a": "1"}, "reason": "nightly"}"#, id: "m-1",
                replyTo: "mine", correlation: "c-1", user: "jenkins")
            try await eventually("it is acknowledged") { queue.acknowledged == ["m-1"] }
            let build = try #require(try await builds(farm).first)
            #expect(build.updateContents == "request m-1 of jenkins: nightly")
            #expect(build.plan.change == PlanChange(variables: ["a": "1"]))
            let delivery = try #require(try await deliveries(farm).first)
            #expect(delivery.state == .handled && delivery.builds == ["debian:1"])
            #expect(delivery.key == "m-1" && delivery.event == "build of debian")
            let payload = try await farm.store.payload(ofDelivery: delivery.id)
            #expect(payload?.contains("nightly") == true)
            try await eventual("it is answered", farm) { queue.sent.count >= 2 }
            #expect(Set(queue.sent.prefix(2).map(\.replyTo)) == [nil, "mine"])
            let first = try #require(queue.sent.first)
            #expect(first.id == "m-1" && first.state == "queued" && first.build == "debian:1")
            #expect(first.correlationID == "c-1" && first.messageID == "\(build.id) queued")
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            try await eventual("its end is answered", farm) {
                queue.sent.last?.state == "cancelled"
            }
            #expect(queue.sent.last?.reason == "cancelled by anna")
        }
    }

    @Test("A message that comes again after its build was stored is that build, and answered again")
    func redelivered() async throws {
        try await withFarm { farm, coordinator, queue in
            queue.put(Self.debian, id: "m-1")
            try await eventually("it is acknowledged") { queue.acknowledged == ["m-1"] }
            try await eventual("it is answered", farm) { !queue.sent.isEmpty }
            let before = queue.sent.count
            queue.cut()
            queue.put(Self.debian, id: "m-1")
            try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1", "m-1"] }
            try await eventual("it is answered again", farm) { queue.sent.count > before }
            #expect(Set(queue.sent.map(\.build)) == ["debian:1"])
            #expect(try await builds(farm).count == 1)
        }
    }

    @Test("A coordinator that ends between the build and its record finds that build again")
    func unrecorded() async throws {
        try await withFarm { farm, coordinator, queue in
            queue.put(Self.debian, id: "m-1")
            try await eventually("it is acknowledged") { queue.acknowledged == ["m-1"] }
            var delivery = try #require(try await deliveries(farm).first)
            delivery.state = .queued
            delivery.builds = []
            _ = try await farm.leader.update(delivery, from: [.handled])
            try coordinator.leading().deliveries.wake()
            #expect(try await farm.handled(delivery).builds == ["debian:1"])
            #expect(try await builds(farm).count == 1)
        }
    }

    @Test("A coordinator that ends before it acknowledged: the next one builds once")
    func takeover() async throws {
        let farm = try await TestFarm(hosts: 0)
        let queue = FakeRequestQueue()
        // The template cannot be read, so that the message stays open.
        farm.templates.fail(TemplateFault(.unavailable, "away"))
        let first = Coordinator(ports: Self.ports(farm, queue))
        try await first.lead(farm.epoch)
        queue.put(Self.debian, id: "m-1")
        try await eventually("it was tried") { try await deliveries(farm).first?.tries == 1 }
        await first.stop()
        queue.cut()
        farm.templates.fail(nil)
        #expect(queue.acknowledged.isEmpty)
        let epoch = try await farm.store.lead(milliseconds: 1)
        let second = Coordinator(ports: Self.ports(farm, queue))
        try await second.lead(epoch)
        try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1"] }
        await second.stop()
        #expect(try await builds(farm).count == 1)
    }

    @Test(
        "What is refused for good is rejected with the reason, and can be put back",
        arguments: [
            (#"{"guestOS": "none"}"#, "none"),
            (#"{"guestOS": "debian", "variables": {"a b": "x"}}"#, "variables: "),
            (#"{"guestOS": "debian", "ref": "main"}"#, "is in no Git repository"),
            (#"{"guestos": "debian"}"#, "unknown key 'guestos'; there are: id, guestOS, variables"),
            (#"{"guestOS": 7}"#, "guestOS: expected a text"),
            (#"{"guestOS": "debian", "variables": {"a": 1}}"#, "variables.a: expected a text"),
            (#"{}"#, "the key guestOS is missing"),
            ("[]", "the body is no JSON object"), ("{", "the body is no JSON object"),
        ])
    func refused(body: String, words: String) async throws {
        try await withFarm { farm, _, queue in
            queue.put(body, id: "m-1", replyTo: "mine")
            try await eventually("it is rejected") { queue.rejected == ["m-1"] }
            let delivery = try #require(try await deliveries(farm).first)
            #expect(delivery.state == .failed && delivery.outcome.contains(words), "\(delivery)")
            #expect(queue.sent.map(\.state) == ["refused", "refused"])
            #expect(Set(queue.sent.map(\.replyTo)) == [nil, "mine"])
            #expect(queue.sent.first?.reason == delivery.outcome && queue.sent.first?.id == "m-1")
            #expect(try await builds(farm).isEmpty && queue.acknowledged.isEmpty)
        }
    }

    @Test("A message without an id, or one that is too large, is refused")
    func unusable() async throws {
        try await withFarm { farm, _, queue in
            queue.put(Self.debian)
            try await eventually("it is rejected") { queue.rejected.count == 1 }
            queue.put(nil, id: "m-2")
            try await eventually("it is rejected") { queue.rejected.count == 2 }
            let outcomes = try await deliveries(farm).map(\.outcome)
            #expect(outcomes.last?.hasPrefix("the message has no id") == true)
            #expect(outcomes.first == "the body has 1073741824 bytes, more than 65536")
            // The id of a body that is no request is found all the same.
            queue.put(#"{"id": "n-4", "guestOS": "debian", "variabels": {}}"#)
            try await eventually("it is rejected") { queue.rejected.count == 3 }
            #expect(queue.sent.map(\.id) == ["", "m-2", "n-4"])
            #expect(Set(queue.sent.map(\.messageID)).count == 3)
        }
    }

    @Test("The id of another request is refused, and the first request's message stays as it was")
    func conflict() async throws {
        try await withFarm { farm, _, queue in
            farm.templates.fail(TemplateFault(.unavailable, "away"))
            queue.put(Self.debian, id: "m-1")
            try await eventually("it was tried") { try await deliveries(farm).first?.tries == 1 }
            queue.put(#"{"guestOS": "debian", "variables": {"a": "1"}, "id": "m-1"}"#, id: "x")
            try await eventually("it is rejected") { queue.rejected == ["x"] }
            #expect(
                queue.sent.first?.reason
                    == "the id 'm-1' is that of an earlier request, which asks "
                    + "for something else: delivery 1")
            farm.templates.fail(nil)
            try await eventual("the first is built", farm) { queue.acknowledged == ["m-1"] }
            #expect(try await builds(farm).map { $0.plan.change } == [nil])
        }
    }

    @Test("A message from the dead letters is built once its guest OS is registered")
    func putBack() async throws {
        try await withFarm { farm, coordinator, queue in
            queue.put(#"{"guestOS": "new"}"#, id: "m-1")
            try await eventually("it is rejected") { queue.rejected == ["m-1"] }
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "new", type: .linux, template: .folder(path: "/t")), by: "anna")
            queue.put(#"{"guestOS": "new"}"#, id: "m-1")
            try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1"] }
            #expect(try await deliveries(farm).map(\.builds) == [["new:1"]])
        }
    }

    @Test("While the database is away, a message waits, and is built once when it is back")
    func databaseAway() async throws {
        let store = FaultyStore()
        try await withFarm(store: store) { farm, _, queue in
            store.fail(.write, times: 3)
            queue.put(Self.debian, id: "m-1")
            for _ in 0..<100 { await Task.yield() }
            #expect(queue.acknowledged.isEmpty)
            try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1"] }
            // Stored, and the answer of the database was lost.
            store.fail(.write, .after, times: 2)
            store.fail(.enqueue, .after)
            queue.put(Self.debian, id: "m-2")
            try await eventual("it is acknowledged", farm) { queue.acknowledged.count == 2 }
            #expect(try await builds(farm).count == 2 && queue.rejected.isEmpty)
        }
    }

    @Test("While the farm is full, a message waits in its queue")
    func full() async throws {
        try await withFarm(queuedBuilds: 1) { farm, coordinator, queue in
            let other = try await farm.submit(coordinator)
            queue.put(Self.debian, id: "m-1")
            try await eventually("it was tried") { try await deliveries(farm).first?.tries == 1 }
            #expect(queue.acknowledged.isEmpty && queue.rejected.isEmpty)
            _ = try await coordinator.leading().cancellation.cancel(other, by: "anna")
            try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1"] }
        }
    }

    @Test(
        "Answers that the server did not take are sent when it is back, and nothing is asked twice")
    func answersWait() async throws {
        try await withFarm { farm, coordinator, queue in
            queue.refuseAnswers(RequestQueueFault(.unavailable, "not confirmed"))
            queue.put(Self.debian, id: "m-1")
            try await eventually("it is acknowledged") { queue.acknowledged == ["m-1"] }
            let build = try #require(try await builds(farm).first)
            queue.refuse(RequestQueueFault(.unavailable, "connection refused"))
            queue.cut()
            try await eventual("it tries to connect", farm) { queue.connections > 3 }
            let status = try await coordinator.leading().requests.status
            #expect(status.server == nil && status.problem == "connection refused")
            #expect(status.lastMessageMilliseconds != nil)
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            for _ in 0..<120 { await farm.clock.advance(milliseconds: 1_000) }
            #expect(queue.sent.isEmpty)
            queue.refuseAnswers(nil)
            queue.refuse(nil)
            try await eventual("it is answered", farm) { queue.sent.last?.state == "cancelled" }
            let now = try await coordinator.leading().requests.status
            #expect(now.server == "fake:5672" && now.problem == nil)
        }
    }

    @Test("The pauses between connections grow")
    func backoff() async throws {
        let farm = try await TestFarm(hosts: 0)
        let queue = FakeRequestQueue()
        queue.refuse(RequestQueueFault("no such queue"))
        let coordinator = Coordinator(ports: Self.ports(farm, queue))
        try await coordinator.lead(farm.epoch)
        for _ in 0..<600 { await farm.clock.advance(milliseconds: 1_000) }
        // Ten minutes: 1, 2, 4, 8, 16 and then 30 s at most, or half of that.
        #expect((15...50).contains(queue.connections), "\(queue.connections)")
        await coordinator.stop()
    }

    @Test("A delivery of a hook with the same key settles no message")
    func sameKey() async throws {
        try await withFarm { farm, coordinator, queue in
            farm.templates.fail(TemplateFault(.unavailable, "away"))
            queue.put(Self.debian, id: "m-1")
            try await eventually("it was tried") { try await deliveries(farm).first?.tries == 1 }
            let other = try await farm.store.receive(
                Delivery(hook: "gone", key: "m-1", event: "push", receivedMilliseconds: 0),
                payload: "{}")
            try coordinator.leading().deliveries.wake()
            #expect(try await farm.handled(other).state == .ignored)
            for _ in 0..<100 { await Task.yield() }
            #expect(queue.rejected.isEmpty && queue.acknowledged.isEmpty)
            farm.templates.fail(nil)
            try await eventual("it is acknowledged", farm) { queue.acknowledged == ["m-1"] }
        }
    }

    @Test("A person can have a refused request handled again")
    func replay() async throws {
        try await withFarm { farm, coordinator, queue in
            farm.templates.fail(TemplateFault("broken"))
            queue.put(Self.debian, id: "m-1")
            try await eventually("it is rejected") { queue.rejected == ["m-1"] }
            farm.templates.fail(nil)
            let refused = try #require(try await deliveries(farm).first)
            let again = try await coordinator.leading().deliveryRequests.replay(refused, by: "anna")
            let handled = try await farm.handled(again)
            #expect(handled.builds == ["debian:1"])
            try await eventual("the requester is told", farm) { queue.sent.last?.state == "queued" }
        }
    }
}
