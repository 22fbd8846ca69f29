import CoordinatorCore

/// All guest OSes that are registered and not retired, with what is due next.
struct TriggerBoard {
    private var entries: [String: TriggerEntry] = [:]
    private var ids: [String: String] = [:]
    private var children: [String: Set<String>] = [:]
    private var heap = DueHeap()
    /// When each template is to be read, by the monotonic clock.
    private var reads = DueHeap()

    var count: Int { entries.count }
    var all: some Collection<TriggerEntry> { entries.values }

    subscript(id: String) -> TriggerEntry? { entries[id] }

    func entry(named name: String) -> TriggerEntry? { ids[name].flatMap { entries[$0] } }

    /// - Parameter due: of the entry.
    mutating func set(_ entry: TriggerEntry, due: Int64?) {
        let id = entry.guestOS.id
        if let old = entries[id], old.guestOS.name != entry.guestOS.name { remove(id) }
        for parent in entries[id]?.state.plan.parents ?? [] { children[parent]?.remove(id) }
        for parent in entry.state.plan.parents { children[parent, default: []].insert(id) }
        entries[id] = entry
        ids[entry.guestOS.name] = id
        heap.set(id, due: entry.isRunning ? nil : due)
        reads.set(id, due: entry.readDueMilliseconds)
    }

    mutating func remove(_ id: String) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        for parent in entry.state.plan.parents { children[parent]?.remove(id) }
        if ids[entry.guestOS.name] == id { ids[entry.guestOS.name] = nil }
        heap.set(id, due: nil)
        reads.set(id, due: nil)
    }

    // MARK: What is due

    /// The template that is to be read first, and when.
    var nextRead: (due: Int64, guestOS: GuestOS)? {
        reads.first.flatMap { first in entries[first.id].map { (first.due, $0.guestOS) } }
    }

    var nextDue: Int64? { heap.first?.due }

    mutating func takeDue(at now: Int64) -> String? {
        guard let first = heap.first, first.due <= now else { return nil }
        heap.set(first.id, due: nil)
        return first.id
    }

    // MARK: Parents

    /// By name.
    func children(of parent: String) -> [String] {
        (children[parent] ?? []).sorted {
            (entries[$0]?.guestOS.name ?? "") < (entries[$1]?.guestOS.name ?? "")
        }
    }

    /// Everything that is built on the guest OS, nearest first.
    func descendants(of parent: String) -> [String] {
        var found: Set<String> = []
        var order: [String] = []
        var next = [parent]
        while let name = next.popLast() {
            for child in children(of: name) where found.insert(child).inserted {
                order.append(child)
                if let name = entries[child]?.guestOS.name { next.append(name) }
            }
        }
        return order
    }

    /// Everything that the guest OS is built on, without itself. Ends in a cycle too.
    func ancestors(of name: String) -> [String] {
        var found: Set<String> = [name]
        var order: [String] = []
        var next = [name]
        while let name = next.popLast() {
            for parent in entry(named: name)?.state.plan.parents ?? []
            where found.insert(parent).inserted {
                order.append(parent)
                next.append(parent)
            }
        }
        return order
    }

    /// `a → b → a` if the guest OS is built on itself.
    func cycle(from name: String) -> String? {
        var came: [String: String] = [:]
        var next = [name]
        while let child = next.popLast() {
            for parent in entry(named: child)?.state.plan.parents ?? [] {
                if parent == name {
                    var path = [name]
                    var step = child
                    while step != name, let before = came[step] {
                        path.insert(step, at: 1)
                        step = before
                    }
                    return (path + [name]).joined(separator: " → ")
                }
                guard came[parent] == nil else { continue }
                came[parent] = child
                next.append(parent)
            }
        }
        return nil
    }

    /// Why the triggers of the guest OS do not all work; `nil` if they do.
    func problem(of entry: TriggerEntry) -> String? {
        if let problem = entry.scheduleProblem { return problem }
        if entry.state.plan.parents.isEmpty { return entry.state.problem }
        if let path = cycle(from: entry.guestOS.name) {
            return "triggers.parent: \(path) is a cycle, so that no new image of a parent builds it"
        }
        if let unknown = entry.state.plan.parents.first(where: { ids[$0] == nil }) {
            return "triggers.parent: no guest OS '\(unknown)' is registered, or it is retired"
        }
        return entry.state.problem
    }
}

/// A binary heap of ids by when they are due. An id that got another time leaves its old place in
/// the heap, which is dropped once it comes first.
struct DueHeap {
    private var items: [(due: Int64, id: String)] = []
    private var dues: [String: Int64] = [:]

    var first: (due: Int64, id: String)? { items.first }

    mutating func set(_ id: String, due: Int64?) {
        guard dues[id] != due else { return }
        dues[id] = due
        if let due { push((due, id)) }
        while let first = items.first, dues[first.id] != first.due { pop() }
        // Old places must not outgrow the rest.
        if items.count > 2 * dues.count + 64 {
            items = dues.map { (due: $0.value, id: $0.key) }.sorted { $0.due < $1.due }
        }
    }

    private mutating func push(_ item: (due: Int64, id: String)) {
        items.append(item)
        var index = items.count - 1
        while index > 0, items[index].due < items[(index - 1) / 2].due {
            items.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func pop() {
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var index = 0
        while true {
            let least = [2 * index + 1, 2 * index + 2]
                .filter { $0 < items.count && items[$0].due < items[index].due }
                .min { items[$0].due < items[$1].due }
            guard let least else { return }
            items.swapAt(index, least)
            index = least
        }
    }
}
