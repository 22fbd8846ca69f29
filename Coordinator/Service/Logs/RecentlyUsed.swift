/// A few values by their keys: the least recently used one makes room for a new one.
struct RecentlyUsed<Key: Hashable, Value> {
    private let limit: Int
    private var values: [Key: Value] = [:]
    /// The last one is the most recent.
    private var order: [Key] = []

    init(limit: Int) { self.limit = limit }

    subscript(_ key: Key) -> Value? {
        mutating get {
            guard let value = values[key] else { return nil }
            touch(key)
            return value
        }
        set {
            values[key] = newValue
            touch(key)
            while order.count > limit { values[order.removeFirst()] = nil }
        }
    }

    mutating func removeAll(where isOld: (Key) -> Bool) {
        order.removeAll(where: isOld)
        values = values.filter { !isOld($0.key) }
    }

    private mutating func touch(_ key: Key) {
        order.removeAll { $0 == key }
        order.append(key)
    }
}
