import CoordinatorCore
import TestSupport
import Testing

/// What has to be sent to people, and what was.
@Suite(.timeLimit(.minutes(3))) struct NotificationStoreTests {
    private func owed(
        _ event: String, to place: String = "a", at milliseconds: Int64 = 0
    ) -> OwedNotification {
        OwedNotification(
            place: place,
            notification: Notification(
                id: event, .failed, guestOS: "debian", build: "debian:1", owner: "team",
                environment: "e", reason: "why", url: "https://u", atMilliseconds: milliseconds))
    }

    @Test(
        "An event waits once for each place, also after it was sent", arguments: StoreKind.allCases)
    func once(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            func waiting(_ place: String, limit: Int = 9) async throws -> [OwedNotification] {
                try await store.waitingNotifications(to: place, limit: limit)
            }
            #expect(try await waiting("a").isEmpty)
            #expect(try await store.notificationCounts().isEmpty)
            try await leader.add([owed("x"), owed("y"), owed("x", to: "b")])
            try await leader.add([owed("x", at: 5), owed("y", to: "b")])
            let first = try await waiting("a")
            #expect(first.map(\.notification.id) == ["x", "y"])
            #expect(first[0].notification == owed("x").notification && first[0].id > 0)
            #expect(try await waiting("a", limit: 1).map(\.id) == [first[0].id])
            #expect(try await waiting("b").map(\.notification.id) == ["x", "y"])
            try await leader.settle([first[0].id], sentMilliseconds: 70)
            try await leader.settle([first[0].id], sentMilliseconds: 70)
            try await leader.settle([], sentMilliseconds: nil)
            try await leader.add([owed("x")])
            #expect(try await waiting("a").map(\.notification.id) == ["y"])
            try await leader.settle([first[1].id], sentMilliseconds: nil)
            #expect(try await waiting("a").isEmpty)
            #expect(
                try await store.notificationCounts() == [
                    NotificationCount(place: "a", sentMilliseconds: 70),
                    NotificationCount(place: "b", waiting: 2),
                ])
        }
    }

    @Test(
        "What is too old is given up, and what no longer waits is removed",
        arguments: StoreKind.allCases)
    func age(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add((0..<6).map { owed("\($0)", at: Int64($0)) })
            func waiting() async throws -> [String] {
                try await store.waitingNotifications(to: "a", limit: 9).map(\.notification.id)
            }
            let sent = try await store.waitingNotifications(to: "a", limit: 1)
            try await leader.settle(sent.map(\.id), sentMilliseconds: 1)
            #expect(try await leader.giveUpNotifications(before: 4, limit: 2) == 2)
            #expect(try await waiting() == ["3", "4", "5"])
            #expect(try await leader.giveUpNotifications(before: 4, limit: 9) == 1)
            #expect(try await leader.giveUpNotifications(before: 4, limit: 9) == 0)
            #expect(try await leader.removeNotifications(before: 5, limit: 3) == 3)
            #expect(try await leader.removeNotifications(before: 5, limit: 3) == 1)
            #expect(try await leader.removeNotifications(before: 99, limit: 9) == 0)
            #expect(try await waiting() == ["4", "5"])
            // Nobody knows of it any more.
            try await leader.add([owed("0", at: 9)])
            #expect(try await waiting() == ["4", "5", "0"])
        }
    }
}
