import CoordinatorCore
import TestSupport
import Testing

/// What hooks delivered.
@Suite(.timeLimit(.minutes(3))) struct DeliveryStoreTests {
    private func delivery(
        _ key: String, hook: String = "h", at milliseconds: Int64 = 0
    ) -> Delivery {
        Delivery(
            hook: hook, key: key, event: "push", receivedMilliseconds: milliseconds,
            reports: [GitReport(.push, project: "t/a", ref: "main", commit: "c")],
            payloadBytes: 3)
    }

    @Test(
        "A delivery and the entry of the audit log of its id are stored together",
        arguments: StoreKind.allCases)
    func recorded(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            for _ in 1...2 {
                let stored = try await store.receive(delivery("a"), payload: "one") { id in
                    AuditEntry(
                        atMilliseconds: 7, actor: "anna", action: "delivery.replay", subject: "1",
                        detail: "as \(id)")
                }
                #expect(
                    try await store.audit(AuditFilter(), limit: 9).first?.detail
                        == "as \(stored.id)")
            }
        }
    }

    @Test("A delivery is stored once for each key of a hook", arguments: StoreKind.allCases)
    func once(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            let first = try await store.receive(delivery("a"), payload: "one")
            #expect(first.id > 0 && first.reports.count == 1)
            let again = try await store.receive(delivery("a", at: 9), payload: "two")
            #expect(again == first)
            #expect(try await store.payload(ofDelivery: first.id) == "one")
            let other = try await store.receive(delivery("a", hook: "g"), payload: "")
            #expect(other.id > first.id)
            #expect(try await store.delivery(id: first.id) == first)
            #expect(try await store.delivery(id: 999) == nil)
            #expect(try await store.payload(ofDelivery: 999) == nil)
            let long = String(repeating: "ä", count: DeliveryRules.payloadBytes)
            let cut = try await store.receive(delivery("long"), payload: long)
            let kept = try await store.payload(ofDelivery: cut.id)
            #expect(kept?.utf8.count == DeliveryRules.payloadBytes)
        }
    }

    @Test(
        "The same delivery at two coordinators at once is stored once",
        arguments: StoreKind.allCases)
    func atOnce(_ kind: StoreKind) async throws {
        try await kind.with { store, _ in
            let ids = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await store.receive(self.delivery("a"), payload: "x").id
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
        }
    }

    @Test("Lists are by hook and state, due ones oldest first", arguments: StoreKind.allCases)
    func lists(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var ids: [Int] = []
            for number in 0..<4 {
                let hook = number == 3 ? "g" : "h"
                ids.append(
                    try await store.receive(delivery("\(number)", hook: hook), payload: "").id)
            }
            var later = try #require(try await store.delivery(id: ids[1]))
            later.notBeforeMilliseconds = 50
            later.tries = 1
            let isLater = try await leader.update(later, from: [.queued])
            #expect(isLater)
            var ended = try #require(try await store.delivery(id: ids[2]))
            ended.state = .handled
            ended.builds = ["a:1"]
            let isEnded = try await leader.update(ended, from: [.queued])
            #expect(isEnded)
            // The answer of a change may be lost; nobody else changes it meanwhile.
            let isRepeated = try await leader.update(ended, from: [.queued])
            #expect(isRepeated)
            var stale = ended
            stale.builds = []
            let isStale = try await leader.update(stale, from: [.queued])
            #expect(!isStale)
            func list(_ filter: DeliveryFilter) async throws -> [Int] {
                try await store.deliveries(filter, limit: 9).map(\.id)
            }
            #expect(try await list(DeliveryFilter()) == ids.reversed())
            #expect(try await list(DeliveryFilter(hook: "h")) == [ids[2], ids[1], ids[0]])
            #expect(try await list(DeliveryFilter(states: [.handled])) == [ids[2]])
            #expect(try await list(DeliveryFilter(after: ids[1])) == [ids[0]])
            #expect(
                try await store.deliveries(DeliveryFilter(), limit: 2).map(\.id) == [
                    ids[3], ids[2],
                ])
            func due(_ now: Int64) async throws -> [Int] {
                try await store.dueDeliveries(atMilliseconds: now, after: nil, limit: 9).map(\.id)
            }
            #expect(try await due(49) == [ids[0], ids[3]])
            #expect(try await due(50) == [ids[0], ids[1], ids[3]])
            let after = try await store.dueDeliveries(
                atMilliseconds: 50, after: ids[0], limit: 1)
            #expect(after.map(\.id) == [ids[1]])
            // The clock was set back meanwhile.
            let early = 49 - DeliveryRules.longestWaitMilliseconds
            #expect(try await due(early) == [ids[1]])
            #expect(try await store.delivery(id: ids[2])?.builds == ["a:1"])
        }
    }

    @Test(
        "Old deliveries that have ended are removed, waiting ones are not",
        arguments: StoreKind.allCases)
    func removal(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var ids: [Int] = []
            for number in 0..<6 {
                let stored = try await store.receive(
                    delivery("\(number)", at: Int64(number)), payload: "")
                ids.append(stored.id)
                guard number != 0 else { continue }
                var ended = stored
                ended.state = .ignored
                _ = try await leader.update(ended, from: [.queued])
            }
            func left() async throws -> [Int] {
                try await store.deliveries(DeliveryFilter(), limit: 9).map(\.id).reversed()
            }
            #expect(try await leader.removeDeliveries(before: 3, keep: 9, limit: 1) == 1)
            #expect(try await left() == [ids[0], ids[2], ids[3], ids[4], ids[5]])
            #expect(try await leader.removeDeliveries(before: 3, keep: 9, limit: 9) == 1)
            #expect(try await leader.removeDeliveries(before: 0, keep: 2, limit: 9) == 1)
            #expect(try await left() == [ids[0], ids[4], ids[5]])
            // Its key is free again.
            let again = try await store.receive(delivery("1"), payload: "")
            #expect(again.id > ids[5])
        }
    }
}

/// Whose state has to be sent to a Git server.
@Suite(.timeLimit(.minutes(3))) struct StatusStoreTests {
    @Test("A change while a status is sent is due anew", arguments: StoreKind.allCases)
    func revisions(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            func due(_ now: Int64) async throws -> [StatusObligation] {
                try await store.dueStatuses(atMilliseconds: now, limit: 9)
            }
            #expect(try await due(0).isEmpty)
            try await leader.oweStatus(ofBuild: "b1")
            let first = try #require(try await due(0).first)
            #expect(first == StatusObligation(build: "b1"))
            try await leader.oweStatus(ofBuild: "b1")
            // What was sent is older than the build.
            try await leader.settle(first)
            var later = first
            later.tries = 1
            later.notBeforeMilliseconds = 50
            try await leader.postpone(later)
            let second = try #require(try await due(0).first)
            #expect(second == StatusObligation(build: "b1", revision: 1))
            later.revision = 1
            try await leader.postpone(later)
            #expect(try await due(49).isEmpty)
            #expect(try await due(50) == [later])
            try await leader.oweStatus(ofBuild: "b0")
            #expect(try await due(50).map(\.build) == ["b0", "b1"])
            try await leader.oweStatus(ofBuild: "b1")
            #expect(try await due(0).map(\.revision).sorted() == [0, 2])
            for status in try await due(0) { try await leader.settle(status) }
            #expect(try await due(99).isEmpty)
        }
    }
}
