import BuildProtocol
import CoordinatorCore

/// The builds that have not ended, of which there may be a hundred thousand. The queue and the farm
/// are updated as builds change, so that a decision needs no scan over all.
struct LiveBuilds {
    private var entries: [String: LiveBuild] = [:]
    private(set) var queue = BuildQueue()
    private(set) var farm = Farm()

    var count: Int { entries.count }
    var all: some Collection<LiveBuild> { entries.values }
    /// Those that are not queued.
    var running: some Sequence<LiveBuild> { farm.running.keys.lazy.compactMap { entries[$0] } }

    subscript(id: String) -> LiveBuild? {
        get { entries[id] }
        set {
            let before = entries[id].map(Place.init)
            let after = newValue.map(Place.init)
            entries[id] = newValue
            guard before != after else { return }
            switch before {
            case .queue(let build): queue.remove(build)
            case .farm(let build): farm.end(build.id)
            case nil: break
            }
            switch after {
            case .queue(let build): queue.insert(build)
            case .farm(let build): farm.begin(build)
            case nil: break
            }
        }
    }

    /// Where a build that has not ended stands.
    private enum Place: Equatable {
        case queue(QueuedBuild)
        case farm(RunningBuild)

        init(_ live: LiveBuild) {
            self = QueuedBuild(live).map(Self.queue) ?? .farm(RunningBuild(live))
        }
    }

    /// Applies a build as the store returned it.
    mutating func update(_ build: Build) {
        guard !build.state.isEnded else {
            self[build.id] = nil
            return
        }
        var entry = self[build.id] ?? LiveBuild(build: build)
        // A cancel request may be newer than this response of the store; it is never revoked.
        let isUnwanted = entry.build.cancelRequested
        entry.build = build
        entry.build.cancelRequested = isUnwanted || build.cancelRequested
        self[build.id] = entry
    }

    /// Moves builds whose retry delay has passed into the queue.
    mutating func releaseDue(at now: Int64) { queue.releaseDue(at: now) }

    mutating func update(_ changes: HostChanges) { farm.update(changes) }

    /// The attempts that have a session.
    var attempts: Set<AttemptToken> { Set(running.compactMap { $0.session?.token }) }

    /// How many attempts each host has.
    var runningByHost: [String: Int] {
        running.reduce(into: [:]) { counts, entry in
            guard let host = entry.build.host, entry.session != nil else { return }
            counts[host, default: 0] += 1
        }
    }
}
