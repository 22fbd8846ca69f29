import BuildProtocol

/// Which build starts where. Order: tests before builds, so that what was begun is finished first;
/// then priority, then the owner who used the farm least recently, then age. Builds of the same
/// shape share a queue, so that the cost grows with shapes and hosts, not with the number of
/// builds.
public enum Scheduler {
    /// How often a full web root is checked again: soon enough after somebody has freed space.
    static let webRootLookMilliseconds: Int64 = 10_000

    public static func decide(_ world: World) -> [Decision] {
        var placement = Placement(world)
        var decisions: [Decision] = []
        var wakeAfter = world.farm.quarantineMilliseconds
        if let due = world.queue.nextDueMilliseconds {
            wakeAfter = min(wakeAfter ?? .max, due - world.nowMilliseconds)
        }

        var candidates: [Candidates] = []
        for queue in world.queue.ready {
            guard let first = queue.first else { continue }
            if let fault = impossible(first, world, placement) {
                decisions += queue.builds.map { .fail(build: $0.id, fault) }
            } else {
                candidates.append(Candidates(rest: queue.builds))
            }
        }

        // A start counts as a minute of use at once, so that two owners take turns within one
        // decision.
        var use = world.use
        while !placement.isFull,
            let next = candidates.indices.min(by: {
                precedes(candidates[$0].head, candidates[$1].head, use)
            })
        {
            let build = candidates[next].head
            guard let host = placement.best(for: build) else {
                // Nothing signals that the web root has room again, so it is polled.
                if placement.webRootReason(build) != nil {
                    wakeAfter = min(wakeAfter ?? .max, webRootLookMilliseconds)
                }
                candidates.remove(at: next)
                continue
            }
            placement.start(build, at: host)
            use[build.owner, default: 0] += 60
            decisions.append(.start(build: build.id, host: world.farm.hosts[host].name))
            candidates[next].rest.removeFirst()
            if candidates[next].rest.isEmpty { candidates.remove(at: next) }
        }

        if let wakeAfter { decisions.append(.wake(afterMilliseconds: wakeAfter)) }
        return decisions
    }

    /// Why the queued builds wait, by the same rules that start them, in the queue's order: the
    /// first `limit`, or only the build `id`.
    public static func explain(
        _ world: World, only id: String? = nil, limit: Int = .max
    ) -> [(build: String, waiting: Waiting)] {
        let explanation = Explanation(world)
        if let id { return explanation.waiting(id).map { [(id, $0)] } ?? [] }
        return explanation.first(limit)
    }

    /// The order of a queue and what its builds wait for. Computed once for many queries: sorting
    /// costs more with the size of the queue, an answer only with the hosts.
    public struct Explanation: Sendable {
        private let ordered: [QueuedBuild]
        private let positions: [String: Int]
        private let world: World
        private let placement: Placement
        private let forecast: Forecast

        public init(_ world: World) {
            let due = world.queue.ready.flatMap(\.builds).sorted { precedes($0, $1, world.use) }
            let later = world.queue.later.values
                .sorted { $0.notBeforeMilliseconds < $1.notBeforeMilliseconds }
            ordered = due + later
            positions = Dictionary(
                ordered.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: min)
            self.world = world
            placement = Placement(world)
            forecast = Forecast(ordered, world, placement)
        }

        /// `nil` if it is not queued.
        public func waiting(_ id: String) -> Waiting? {
            positions[id].map { waiting(at: $0) }
        }

        /// The first of the queue.
        public func first(_ limit: Int) -> [(build: String, waiting: Waiting)] {
            ordered.prefix(limit).indices.map { (ordered[$0].id, waiting(at: $0)) }
        }

        private func waiting(at index: Int) -> Waiting {
            var waiting = Scheduler.waiting(ordered[index], index + 1, world, placement)
            switch forecast.start(at: index + 1) {
            case .range(let range, let seconds):
                waiting.start = range
                waiting.etaSeconds = seconds
            case .unknown(let why): waiting.etaReason = why
            }
            return waiting
        }

        /// When a running build ends, its test included, if it passes; `nil` if it does not run.
        public func end(of id: String) -> Expected? { forecast.end(of: id) }

        /// When a host that takes nothing new runs nothing any more.
        public func empty(host: String) -> Expected { forecast.empty(host: host) }
    }

    private static func waiting(
        _ build: QueuedBuild, _ position: Int, _ world: World, _ placement: Placement
    ) -> Waiting {
        let hosts = world.farm.hosts.enumerated().map { index, host in
            WaitingHost(
                host: host.name,
                reason: placement.blocker(build, at: index)
                    ?? (build.failedHosts.contains(host.name)
                        ? "failed this build before; another host is preferred" : nil)
                    ?? (position == 1 ? "is free" : "is free; builds ahead in the queue come first")
            )
        }
        let (_, summary, remedy) = summary(build, position, world, placement)
        return Waiting(position: position, summary: summary, hosts: hosts, remedy: remedy)
    }

    // MARK: Parts

    /// A queue while it is being served; dropped once it is empty.
    private struct Candidates {
        var rest: ArraySlice<QueuedBuild>
        var head: QueuedBuild { rest[rest.startIndex] }
    }

    private static func precedes(
        _ a: QueuedBuild, _ b: QueuedBuild, _ use: [String: Double]
    ) -> Bool {
        if a.stage != b.stage { return a.stage == .test }
        if a.priority != b.priority { return a.priority > b.priority }
        let (useOfA, useOfB) = (use[a.owner, default: 0], use[b.owner, default: 0])
        if a.owner != b.owner && useOfA != useOfB { return useOfA < useOfB }
        if a.submittedMilliseconds != b.submittedMilliseconds {
            return a.submittedMilliseconds < b.submittedMilliseconds
        }
        return a.id < b.id
    }

    /// A fault if every host has reported its resources and none can ever take the build.
    private static func impossible(
        _ build: QueuedBuild, _ world: World, _ placement: Placement
    ) -> Fault? {
        guard !world.farm.hosts.isEmpty else { return nil }
        var reasons: [String] = []
        for (index, host) in world.farm.hosts.enumerated() {
            guard let reason = placement.neverPossible(build, at: index) else { return nil }
            reasons.append("\(host.name): \(reason)")
        }
        return Fault(
            .template, .impossible,
            "no host of the farm can ever take this \(build.stage.rawValue): "
                + reasons.joined(separator: "; ")
                + ". Lower the requirements in aibuild.yml, or add a host that meets them")
    }

    typealias Summary = (reason: WaitReason, text: String, remedy: String)

    static func summary(
        _ build: QueuedBuild, _ position: Int, _ world: World, _ placement: Placement
    ) -> Summary {
        // First what no waiting mends.
        let absence = HostAbsence(build, world, placement)
        if let (text, remedy) = absence.allDrained { return (.hostsDrained, text, remedy) }
        if build.notBeforeMilliseconds > world.nowMilliseconds {
            let seconds = (build.notBeforeMilliseconds - world.nowMilliseconds + 999) / 1000
            return (.retryDelay, "waits \(seconds) s before a retry", "nothing to do")
        }
        let hosts = world.farm.hosts
        if hosts.isEmpty {
            return (
                .noHosts, "no host is registered",
                "add one: aibuild host add NAME --address user@host"
            )
        }
        if let (text, remedy) = absence.noneReady { return (.hostsNotReady, text, remedy) }
        if let reason = placement.concurrencyReason(build) {
            return (.concurrency, reason, "wait, or raise concurrency in aibuild.yml")
        }
        if let reason = placement.webRootReason(build) {
            return (.webRootFull, reason, "free space on the web root's disk")
        }
        let free = hosts.indices.filter { placement.blocker(build, at: $0) == nil }
        if free.isEmpty {
            let awaitsPlugins = hosts.indices.allSatisfy {
                placement.impossible(build, at: $0) != nil
            }
            return awaitsPlugins && hosts.contains { !$0.handedOut.isEmpty }
                ? (
                    .pluginsMissing, "no host has the plugins yet that the coordinator hands out",
                    "wait; if it takes longer than minutes, run: aibuild doctor"
                ) : (.noRoom, "no host has room now", "wait, or add a host")
        }
        if free.allSatisfy({ build.failedHosts.contains(hosts[$0].name) }) {
            return (
                .otherHostPreferred,
                "the free hosts failed this build before, and another one is preferred",
                "wait, or add a host"
            )
        }
        if position == 1 {
            return (.starting, "a host is free: it starts in a moment", "nothing to do")
        }
        let ahead = position == 2 ? "1 build is" : "\(position - 1) builds are"
        return (
            .starting, "\(ahead) ahead in the queue", "wait, or submit with a higher priority"
        )
    }
}

/// Why a build waits.
public struct Waiting: Sendable, Hashable, Encodable {
    public var position: Int
    public var summary: String
    public var hosts: [WaitingHost]
    /// When it starts.
    public var start: TimeRange?
    /// The middle of that range.
    public var etaSeconds: Int?
    /// Why there is no range.
    public var etaReason: String?
    /// What an operator can do about it.
    public var remedy: String
}

public struct WaitingHost: Sendable, Hashable, Encodable {
    public var host: String
    public var reason: String
}
