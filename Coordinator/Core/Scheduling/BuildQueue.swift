import BuildProtocol

/// The queued builds: one queue for each shape, in the order of submission. It is kept sorted as
/// builds come and go, so that the cost of a decision depends on the shapes and the hosts, not on
/// the number of queued builds.
public struct BuildQueue: Sendable {
    /// What builds have in common that are placed alike. The first build of a queue stands for all.
    struct Shape: Hashable {
        var stage: BuildStage
        var guestOS: String
        var owner: String
        var priority: Int
        var requirements: Requirements
        var concurrency: Int?
        var failedHosts: Set<String>
        var baseImage: String?
        var testAbilities: Set<TestAbility>
        var buildAbilities: Set<BuildAbility>
        var needs: BuildNeeds
        var begunOn: String?

        init(_ build: QueuedBuild) {
            stage = build.stage
            guestOS = build.guestOS
            owner = build.owner
            priority = build.priority
            requirements = build.requirements
            concurrency = build.concurrency
            failedHosts = build.failedHosts
            baseImage = build.baseImageSHA256
            testAbilities = build.testAbilities
            buildAbilities = build.buildAbilities
            needs = build.needs
            begunOn = build.begunOn
        }
    }

    private var queues: [Shape: ShapeQueue] = [:]
    /// Those whose retry delay has not passed yet.
    private(set) var later: [String: QueuedBuild] = [:]
    /// No time in `later` is outside, so that mostly none of them is looked at.
    private var times: ClosedRange<Int64>?

    public init() {}

    public init(_ builds: some Sequence<QueuedBuild>) { for build in builds { insert(build) } }

    public mutating func insert(_ build: QueuedBuild) {
        if build.notBeforeMilliseconds > 0 {
            later[build.id] = build
            include(build.notBeforeMilliseconds)
        } else {
            queues[Shape(build), default: ShapeQueue()].insert(build)
        }
    }

    /// - Parameter build: as it was inserted.
    public mutating func remove(_ build: QueuedBuild) {
        guard later.removeValue(forKey: build.id) == nil else { return }
        let shape = Shape(build)
        queues[shape]?.remove(build)
        if queues[shape]?.isEmpty == true { queues[shape] = nil }
    }

    /// Moves those whose delay has passed to their queues.
    public mutating func releaseDue(at now: Int64) {
        let isDue = { (time: Int64) in RetryPolicy.due(time, now: now) <= now }
        guard let times, isDue(times.lowerBound) || isDue(times.upperBound) else { return }
        for build in later.values where isDue(build.notBeforeMilliseconds) {
            later[build.id] = nil
            queues[Shape(build), default: ShapeQueue()].insert(build)
        }
        self.times = nil
        for build in later.values { include(build.notBeforeMilliseconds) }
    }

    private mutating func include(_ time: Int64) {
        times = times.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
    }

    /// In any order.
    var all: [QueuedBuild] { Array(later.values) + queues.values.flatMap(\.builds) }

    /// No build in `later` is due before then; `nil` if there is none.
    var nextDueMilliseconds: Int64? { times?.lowerBound }

    /// In the order of their first builds, so that the same queue always gives the same decisions.
    var ready: [ShapeQueue] {
        queues.values.sorted {
            guard let a = $0.first, let b = $1.first else { return false }
            return ShapeQueue.precedes(a, b)
        }
    }
}

extension BuildQueue {
    /// Builds of one shape, oldest first.
    struct ShapeQueue {
        private var all: [QueuedBuild] = []
        /// Index of the front: removing the first build does not move the others.
        private var start = 0

        var builds: ArraySlice<QueuedBuild> { all[start...] }
        var first: QueuedBuild? { builds.first }
        var isEmpty: Bool { builds.isEmpty }

        mutating func insert(_ build: QueuedBuild) {
            all.insert(build, at: place(of: build))
        }

        mutating func remove(_ build: QueuedBuild) {
            let place = place(of: build)
            guard place < all.endIndex, all[place].id == build.id else { return }
            guard place == start else {
                all.remove(at: place)
                return
            }
            start += 1
            if start * 2 > all.count {
                all.removeFirst(start)
                start = 0
            }
        }

        /// The index of the build, or where it would be inserted.
        private func place(of build: QueuedBuild) -> Int {
            var (low, high) = (start, all.endIndex)
            while low < high {
                let middle = (low + high) / 2
                if Self.precedes(all[middle], build) { low = middle + 1 } else { high = middle }
            }
            return low
        }

        static func precedes(_ a: QueuedBuild, _ b: QueuedBuild) -> Bool {
            (a.submittedMilliseconds, a.id) < (b.submittedMilliseconds, b.id)
        }
    }
}
