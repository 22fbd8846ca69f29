/// What is still to happen in a forecast, earliest first.
struct ForecastEvents {
    enum Kind {
        case opens(host: Int)
        /// The attempt has left its host.
        case leaves(attempt: Int)
        /// Its end is recorded.
        case records(attempt: Int)
        case due(work: Int, list: Int)
    }

    struct Event {
        var seconds: Int
        var kind: Kind
        /// Of two at the same time, the one that was added first.
        fileprivate var number: Int

        fileprivate func precedes(_ other: Event) -> Bool {
            (seconds, number) < (other.seconds, other.number)
        }
    }

    private var heap: [Event] = []
    private var count = 0

    var nextSeconds: Int? { heap.first?.seconds }

    mutating func add(_ kind: Kind, at seconds: Int) {
        count += 1
        heap.append(Event(seconds: seconds, kind: kind, number: count))
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
