import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// Places that keep the messages that they are sent, fail, or never answer.
final class FakeNotificationSender: NotificationSender {
    private struct State {
        var sent: [(place: String, message: NotificationMessage)] = []
        var faults: [String: NotificationFault] = [:]
        var silent: Set<String> = []
        var tries: [String: Int] = [:]
        var onSend: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    func messages(to place: String = "chat") -> [NotificationMessage] {
        state.withLock { $0.sent.filter { $0.place == place }.map(\.message) }
    }
    /// Of all that a place was sent.
    func texts(to place: String = "chat") -> [String] {
        messages(to: place).flatMap(\.notifications).map(\.text)
    }
    func tries(_ place: String = "chat") -> Int { state.withLock { $0.tries[place, default: 0] } }
    func fail(_ fault: NotificationFault?, _ place: String = "chat") {
        state.withLock { $0.faults[place] = fault }
    }
    /// Is called once, when the next message was taken.
    func onSend(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onSend = body } }
    func silence(_ place: String) { state.withLock { _ = $0.silent.insert(place) } }

    func send(_ message: NotificationMessage, to place: String) async throws {
        let isSilent = state.withLock { state in
            state.tries[place, default: 0] += 1
            return state.silent.contains(place)
        }
        if isSilent {
            for await _ in AsyncStream<Never>.makeStream().stream {}
            throw NotificationFault(.unavailable, "cancelled")
        }
        try state.withLock { state in
            if let fault = state.faults[place] { throw fault }
            state.sent.append((place, message))
        }
        state.withLock { $0.onSend.take() }?()
    }
}

/// People are told what happened, whatever happens to the place.
@Suite(.timeLimit(.minutes(1))) struct NotificationServiceTests {
    private struct Setup {
        let farm: TestFarm
        let sender = FakeNotificationSender()
        var rules = [
            NotificationRule(name: "chat", kinds: Set(Notification.Kind.allCases))
        ]

        func coordinator() async throws -> Coordinator {
            var ports = farm.ports
            ports.notificationSender = sender
            ports.notificationRules = rules
            let coordinator = Coordinator(ports: ports)
            try await coordinator.lead(farm.epoch)
            try await farm.connected(coordinator)
            return coordinator
        }

        /// What a place was sent once it has got so many.
        func texts(_ count: Int, to place: String = "chat") async throws -> [String] {
            try await eventually("\(count) of \(sender.texts(to: place)) are sent") {
                await farm.clock.advance(milliseconds: 5_000)
                let texts = sender.texts(to: place)
                return texts.count >= count ? texts : nil
            }
        }

        func pass(_ coordinator: Coordinator) async throws {
            try await farm.wait(try await farm.submit(coordinator), .passed)
        }

        /// Once it is noted that a number of things wait for the place.
        func waiting(_ count: Int, _ place: String = "chat") async throws {
            try await eventually("\(count) wait") {
                try await farm.store.notificationCounts().contains {
                    $0.place == place && $0.waiting == count
                }
            }
        }
    }

    private func withFarm(
        _ rules: [NotificationRule] = [], _ body: (Setup, Coordinator) async throws -> Void
    ) async throws {
        var setup = Setup(farm: try await TestFarm(hosts: 1))
        setup.rules += rules
        let coordinator = try await setup.coordinator()
        do { try await body(setup, coordinator) } catch {
            await coordinator.stop()
            throw error
        }
        await coordinator.stop()
    }

    @Test("Builds that pass, fail, fail again and are fixed are told once")
    func builds() async throws {
        try await withFarm { setup, coordinator in
            try await setup.pass(coordinator)
            _ = try await setup.texts(1)
            await setup.farm.agents[0].change {
                $0.plan = .fail(Fault(.template, .packerFailed, "no disk"))
            }
            for _ in 0..<2 {
                try await setup.farm.wait(try await setup.farm.submit(coordinator), .failed)
            }
            await setup.farm.agents[0].change { $0.plan = .pass(Array("image".utf8)) }
            try await setup.pass(coordinator)
            let all = try await setup.texts(4)
            try #require(all.count == 4)
            #expect(all[0] == "debian:1 passed" && all[1] == "debian:2 failed: no disk")
            let again = "debian:3 failed again: no disk (same first error 2 times since "
            #expect(all[2].hasPrefix(again) && all[2].hasSuffix(", all on h0)"), "\(all[2])")
            #expect(all[3] == "debian:4 passed: fixed")
            await setup.farm.clock.advance(milliseconds: 600_000)
            #expect(setup.sender.texts().count == 4)
        }
    }

    @Test("A place that is away is tried less and less often, then told all at once")
    func away() async throws {
        try await withFarm { setup, coordinator in
            setup.sender.fail(NotificationFault(.unavailable, "away"))
            for _ in 0..<3 { try await setup.pass(coordinator) }
            try await setup.waiting(3)
            for _ in 0..<720 { await setup.farm.clock.advance(milliseconds: 5_000) }
            // After 15, 30, 60 … s.
            let tries = setup.sender.tries()
            #expect((4...9).contains(tries), "\(tries) in an hour")
            let report = try #require(
                try await coordinator.leading().notifications.reports().first)
            #expect(report.waiting == 3 && report.problem?.text == "away")
            #expect(report.nextTryMilliseconds ?? 0 > setup.farm.clock.unixMilliseconds())
            setup.sender.fail(nil)
            _ = try await setup.texts(3)
            #expect(setup.sender.messages().count == 1, "several are one message")
            #expect(setup.sender.messages()[0].title == "3 passed")
            try await setup.waiting(0)
            let after = try #require(
                try await coordinator.leading().notifications.reports().first)
            #expect(after.problem == nil && after.sentMilliseconds != nil)
        }
    }

    @Test("After a day it is given up; what comes later is sent")
    func givenUp() async throws {
        try await withFarm { setup, coordinator in
            setup.sender.fail(NotificationFault(.unavailable, "away"))
            try await setup.pass(coordinator)
            try await setup.waiting(1)
            try await eventually("it is given up") {
                await setup.farm.clock.advance(milliseconds: 3_600_000)
                return try await setup.farm.store.notificationCounts().first?.waiting == 0
            }
            setup.sender.fail(nil)
            try await setup.pass(coordinator)
            #expect(try await setup.texts(1) == ["debian:2 passed"])
        }
    }

    @Test("A message that is refused is given up, and holds up nothing")
    func refused() async throws {
        try await withFarm { setup, coordinator in
            setup.sender.fail(NotificationFault("no"))
            try await setup.pass(coordinator)
            try await eventually("it was tried") { setup.sender.tries() > 0 }
            try await setup.waiting(0)
            setup.sender.fail(nil)
            try await setup.pass(coordinator)
            #expect(try await setup.texts(1) == ["debian:2 passed"])
        }
    }

    @Test("What comes in the pause after a message is sent together")
    func rateLimit() async throws {
        try await withFarm { setup, coordinator in
            try await setup.pass(coordinator)
            try await eventually("the first is sent at once") { setup.sender.texts().count == 1 }
            for _ in 0..<5 { try await setup.pass(coordinator) }
            try await setup.waiting(5)
            await setup.farm.clock.advance(milliseconds: 9_000)
            #expect(setup.sender.messages().count == 1)
            _ = try await setup.texts(6)
            #expect(setup.sender.messages().map(\.title) == ["debian:1 passed", "5 passed"])
        }
    }

    @Test("A place that never answers delays neither builds, nor other places, nor the end")
    func silent() async throws {
        let other = NotificationRule(name: "other", kinds: Set(Notification.Kind.allCases))
        try await withFarm([other]) { setup, coordinator in
            setup.sender.silence("chat")
            for _ in 0..<3 { try await setup.pass(coordinator) }
            #expect(try await setup.texts(3, to: "other").count == 3)
            #expect(setup.sender.tries() == 1)
            // `withFarm` stops the coordinator while it sends.
        }
    }

    @Test("What the last leader had noted, or not even that, the next one sends, and nothing twice")
    func takeover() async throws {
        let setup = Setup(farm: try await TestFarm(hosts: 1))
        let first = try await setup.coordinator()
        try await setup.pass(first)
        _ = try await setup.texts(1)
        try await setup.waiting(0)
        setup.sender.fail(NotificationFault(.unavailable, "away"))
        try await setup.pass(first)
        try await setup.waiting(1)
        await first.stop()
        setup.sender.fail(nil)
        // One that ends while nobody is told, such as by a coordinator that is killed.
        let quiet = try await setup.farm.coordinator()
        try await setup.farm.connected(quiet)
        try await setup.pass(quiet)
        await quiet.stop()
        let next = try await setup.coordinator()
        let all = try await setup.texts(3)
        #expect(all.sorted() == ["debian:1 passed", "debian:2 passed", "debian:3 passed"])
        await setup.farm.clock.advance(milliseconds: 60_000)
        #expect(setup.sender.texts().count == 3)
        await next.stop()
    }

    @Test("What a store does not take as sent is not sent again before it does")
    func unrecorded() async throws {
        let store = FaultyStore()
        let setup = Setup(farm: try await TestFarm(hosts: 1, store: store))
        let coordinator = try await setup.coordinator()
        setup.sender.onSend { store.fail(.write, times: 4) }
        try await setup.pass(coordinator)
        _ = try await setup.texts(1)
        for _ in 0..<120 { await setup.farm.clock.advance(milliseconds: 5_000) }
        try await setup.waiting(0)
        #expect(setup.sender.texts() == ["debian:1 passed"])
        await coordinator.stop()
    }

    @Test("A test is sent at once, and what waits follows; one that fails says why")
    func test() async throws {
        try await withFarm { setup, coordinator in
            let notifications = try coordinator.leading().notifications
            setup.sender.fail(NotificationFault(.unavailable, "away"))
            try await setup.pass(coordinator)
            try await eventually("it was tried") { setup.sender.tries() > 0 }
            await #expect(throws: NotificationFault.self) {
                try await notifications.test(setup.rules[0], by: "anna")
            }
            setup.sender.fail(nil)
            try await notifications.test(setup.rules[0], by: "anna")
            let sent = try #require(setup.sender.messages().first)
            #expect(sent.text == "This is a test of chat, asked for by anna.")
            #expect(try await setup.texts(1) == ["debian:1 passed"])
            let audit = try await setup.farm.store.audit(limit: 9)
            #expect(audit.contains { $0.action == "notification.test" && $0.subject == "chat" })
        }
    }
}
