/// Notifications of an in-memory store.
struct InMemoryNotifications: Sendable {
    private struct Row {
        var owed: OwedNotification
        var isSettled = false
        var sentMilliseconds: Int64?
    }

    private var rows: [Int: Row] = [:]
    private var keys: Set<[String]> = []
    private var last = 0

    private static func key(_ owed: OwedNotification) -> [String] {
        [owed.place, owed.notification.id]
    }

    func waiting(to place: String, limit: Int) -> [OwedNotification] {
        let found = rows.values.filter { !$0.isSettled && $0.owed.place == place }
        return Array(found.map(\.owed).sorted { $0.id < $1.id }.prefix(limit))
    }

    func counts() -> [NotificationCount] {
        Dictionary(grouping: rows.values, by: \.owed.place).map { place, rows in
            NotificationCount(
                place: place, waiting: rows.count { !$0.isSettled },
                sentMilliseconds: rows.compactMap(\.sentMilliseconds).max())
        }.sorted { precedes($0.place, $1.place) }
    }

    mutating func add(_ notifications: [OwedNotification]) {
        for owed in notifications where keys.insert(Self.key(owed)).inserted {
            last += 1
            var owed = owed
            owed.id = last
            rows[last] = Row(owed: owed)
        }
    }

    mutating func settle(_ ids: [Int], sent milliseconds: Int64?) {
        for id in ids {
            rows[id]?.isSettled = true
            rows[id]?.sentMilliseconds = milliseconds
        }
    }

    private func old(
        before milliseconds: Int64, isSettled: Bool, limit: Int
    ) -> [OwedNotification] {
        let found = rows.values.filter {
            $0.isSettled == isSettled && $0.owed.notification.atMilliseconds < milliseconds
        }
        return Array(found.map(\.owed).sorted { $0.id < $1.id }.prefix(limit))
    }

    mutating func giveUp(before milliseconds: Int64, limit: Int) -> Int {
        let ids = old(before: milliseconds, isSettled: false, limit: limit).map(\.id)
        settle(ids, sent: nil)
        return ids.count
    }

    mutating func remove(before milliseconds: Int64, limit: Int) -> Int {
        let found = old(before: milliseconds, isSettled: true, limit: limit)
        for owed in found {
            rows[owed.id] = nil
            keys.remove(Self.key(owed))
        }
        return found.count
    }
}
