/// Deadlines, earliest first. Entries that ended before their deadline stay in the heap until it is
/// compacted.
struct TimerHeap {
    struct Entry {
        var deadlineMilliseconds: Int64
        var waiter: UInt64
    }

    private var entries: [Entry] = []

    var first: Entry? { entries.first }
    var count: Int { entries.count }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if isOrdered(parent, child) { break }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    mutating func removeFirst() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if !isOrdered(least, child) { least = child }
            }
            if least == parent { return }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    /// Keeps only the entries for which `isLive` returns true. A sorted array is a heap.
    mutating func compact(_ isLive: (UInt64) -> Bool) {
        entries = entries.filter { isLive($0.waiter) }
        entries.sort { $0.deadlineMilliseconds < $1.deadlineMilliseconds }
    }

    private func isOrdered(_ above: Int, _ below: Int) -> Bool {
        entries[above].deadlineMilliseconds <= entries[below].deadlineMilliseconds
    }
}
