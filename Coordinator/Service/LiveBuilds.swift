import CoordinatorCore

/// The builds that have not ended, with what must be found among a hundred thousand of them without
/// looking at each: the queue in its order, and those that left it.
struct LiveBuilds {
    private var entries: [String: LiveBuild] = [:]
    private(set) var queue = BuildQueue()
    private var begun: Set<String> = []

    var count: Int { entries.count }
    var all: some Collection<LiveBuild> { entries.values }
    /// Those that do not wait.
    var running: some Sequence<LiveBuild> { begun.lazy.compactMap { entries[$0] } }

    subscript(id: String) -> LiveBuild? {
        get { entries[id] }
        set {
            let before = entries[id].flatMap(QueuedBuild.init)
            let after = newValue.flatMap(QueuedBuild.init)
            if before != after {
                if let before { queue.remove(before) }
                if let after { queue.insert(after) }
            }
            entries[id] = newValue
            if newValue == nil || after != nil { begun.remove(id) } else { begun.insert(id) }
        }
    }

    /// Builds whose time has come are to be decided about.
    mutating func ripen(at now: Int64) { queue.ripen(at: now) }
}
