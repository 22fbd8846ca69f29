import BuildProtocol
import CoordinatorCore

/// The builds that have not ended. The queue, in order, and the running builds are found without a
/// scan over all, of which there may be a hundred thousand.
struct LiveBuilds {
    private var entries: [String: LiveBuild] = [:]
    private(set) var queue = BuildQueue()
    private var begun: Set<String> = []

    var count: Int { entries.count }
    var all: some Collection<LiveBuild> { entries.values }
    /// Those that are not queued.
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

    /// The builds that occupy the farm.
    func runningBuilds() -> [RunningBuild] {
        running.map { entry in
            let build = entry.build
            return RunningBuild(
                id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
                host: entry.hasLeftHost ? nil : build.host, requirements: build.requirements,
                startedMilliseconds: entry.attemptStartedMilliseconds,
                expectedSeconds: build.stage == .build ? entry.expectedSeconds : nil)
        }
    }

    /// The attempts that have a session.
    var attempts: Set<AttemptToken> { Set(running.compactMap { $0.session?.token }) }

    /// How many attempts each host has.
    var runningByHost: [String: Int] {
        running.reduce(into: [:]) { counts, entry in
            guard let host = entry.build.host, entry.session != nil else { return }
            counts[host, default: 0] += 1
        }
    }

    /// Space that running builds may still need on the web root. The image of a test is there
    /// already.
    var reservedBytes: Int64 {
        running.reduce(0) {
            $1.build.stage == .build ? $0 + $1.build.requirements.diskBytes : $0
        }
    }
}
