import BuildProtocol
public import CoordinatorCore

/// The builds that have not ended, of which there may be a hundred thousand. The queue and the farm
/// are updated as builds change, so that a decision needs no scan over all.
struct LiveBuilds {
    private var entries: [String: LiveBuild] = [:]
    private(set) var queue = BuildQueue()
    private(set) var farm = Farm()

    var count: Int { entries.count }
    /// For who does not ask what the queue waits for, which looks at each build of it.
    var counts: (running: Int, queued: Int) {
        (farm.running.count, entries.count - farm.running.count)
    }
    var all: some Collection<LiveBuild> { entries.values }
    /// Those that are not queued.
    var running: some Sequence<LiveBuild> { farm.running.keys.lazy.compactMap { entries[$0] } }

    /// - Parameter world: with what the queue waits for.
    func load(in world: World) -> BuildLoad {
        var load = BuildLoad(running: farm.running.count)
        for entry in entries.values where entry.build.state == .queued {
            load.queued += 1
            let submitted = entry.build.submittedMilliseconds
            load.oldestSubmittedMilliseconds = min(
                load.oldestSubmittedMilliseconds ?? submitted, submitted)
        }
        if load.queued > 0 { load.waiting = Scheduler.waitReasons(world) }
        return load
    }

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
    mutating func update(_ build: Build, at now: Int64) {
        guard !build.state.isEnded else {
            self[build.id] = nil
            return
        }
        var entry = self[build.id] ?? LiveBuild(build: build, sinceMilliseconds: now)
        if entry.build.state != build.state { entry.sinceMilliseconds = now }
        // A cancel request may be newer than this response of the store; it is never revoked.
        let isUnwanted = entry.build.cancelRequested
        entry.build = build
        entry.build.cancelRequested = isUnwanted || build.cancelRequested
        self[build.id] = entry
    }

    /// - Parameter farm: with what runs on its hosts.
    mutating func world(
        _ farm: Farm, _ share: FairShare, _ webRootFreeBytes: Int64?,
        _ usual: [String: UsualDurations], at now: Int64
    ) -> World {
        queue.releaseDue(at: now)
        return World(
            nowMilliseconds: now, farm: farm, queue: queue, use: share.values(at: now),
            webRootFreeBytes: webRootFreeBytes.map { $0 &- farm.reservedBytes }, usual: usual)
    }

    /// - Returns: whether its slot on the host was occupied until now.
    mutating func leftHost(_ session: BuildSession, at now: Int64) -> Bool {
        guard let entry = self[session.build.id], entry.session === session, !entry.hasLeftHost
        else { return false }
        self[session.build.id]?.leftHostMilliseconds = now
        return true
    }

    mutating func update(_ changes: HostChanges) { farm.update(changes) }

    func sessions(on host: String) -> [BuildSession] {
        running.filter { $0.build.host == host }.compactMap(\.session)
    }

    /// What runs on the host, as it would be queued anew.
    func requeued(from host: String) -> [QueuedBuild] {
        running.filter { $0.build.host == host && !$0.hasLeftHost }.map(QueuedBuild.init(anew:))
    }

    /// The few newest of thousands that run, without sorting those.
    func newest(_ limit: Int) -> [(Build, LiveDetail)] {
        var newest: [LiveBuild] = []
        for entry in running {
            let place = newest.firstIndex { $0.isOlder(than: entry) } ?? newest.endIndex
            guard place < limit else { continue }
            newest.insert(entry, at: place)
            if newest.count > limit { newest.removeLast() }
        }
        return newest.map { ($0.build, $0.detail) }
    }

    func running(on host: String) -> [(Build, LiveDetail)] {
        running.filter { $0.build.host == host }.map { ($0.build, $0.detail) }
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
}

/// How many builds wait and run, for monitoring.
public struct BuildLoad: Sendable, Hashable {
    public var running = 0
    public var queued = 0
    /// By what they wait for.
    public var waiting: [WaitReason: Int] = [:]
    /// `nil` if none waits.
    public var oldestSubmittedMilliseconds: Int64?
}

/// A build that has not ended, with details that are not stored.
struct LiveBuild {
    var build: Build
    var session: BuildSession?
    var detail = LiveDetail()
    /// Failed attempts of the current stage.
    private(set) var history: [AttemptFault]
    /// The host of the last attempt that has ended, if this coordinator knows it.
    private(set) var lastHost: String?
    /// When the current attempt started; `nil` if there is none or nobody knows.
    private(set) var startedMilliseconds: Int64?
    /// When its state began; `nil` if that was before this coordinator led.
    var sinceMilliseconds: Int64?
    /// When the attempt finished on the host, whose slot is free since: the image is being pulled,
    /// published or recorded.
    var leftHostMilliseconds: Int64?
    var hasLeftHost: Bool { leftHostMilliseconds != nil }

    init(
        build: Build, history: [AttemptFault] = [], lastHost: String? = nil,
        startedMilliseconds: Int64? = nil, sinceMilliseconds: Int64? = nil
    ) {
        self.build = build
        self.sinceMilliseconds = sinceMilliseconds
        self.history = history
        self.lastHost = lastHost
        self.startedMilliseconds = startedMilliseconds
    }

    /// How long the current attempt has run.
    func elapsedMilliseconds(at now: Int64) -> Int64 {
        startedMilliseconds.map { max(0, now &- $0) } ?? 0
    }

    mutating func begin(_ session: BuildSession, startedMilliseconds: Int64) {
        self.session = session
        leftHostMilliseconds = nil
        self.startedMilliseconds = startedMilliseconds
    }

    func isOlder(than other: LiveBuild) -> Bool {
        (build.startedMilliseconds ?? 0, build.id)
            < (other.build.startedMilliseconds ?? 0, other.build.id)
    }

    /// The attempt has ended and the build has not.
    mutating func ended(_ verdict: AttemptVerdict) {
        history = verdict.history
        lastHost = verdict.host
        detail = LiveDetail()
        startedMilliseconds = nil
    }
}

/// Progress of a build, for followers.
public struct LiveDetail: Sendable, Hashable {
    public var phase: String?
    public var doneBytes: Int64?
    public var totalBytes: Int64?

    public init(phase: String? = nil, doneBytes: Int64? = nil, totalBytes: Int64? = nil) {
        self.phase = phase
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}

extension QueuedBuild {
    /// `nil` if the build is not queued.
    init?(_ live: LiveBuild) {
        guard live.build.state == .queued else { return nil }
        self.init(anew: live)
    }

    init(anew live: LiveBuild) {
        let build = live.build
        self.init(
            id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
            priority: build.priority,
            submittedMilliseconds: build.submittedMilliseconds,
            notBeforeMilliseconds: build.notBeforeMilliseconds,
            requirements: build.requirements, concurrency: build.plan.concurrency,
            failedHosts: Set(live.history.map(\.host)), baseImageSHA256: build.fetched?.sha256,
            testAbilities: build.testPlan?.abilities ?? [],
            buildAbilities: build.abilities,
            needs: build.usesEnvironment
                ? BuildNeeds(build.plan, guestOS: build.guestOS) : BuildNeeds(),
            begunOn: build.stage == .test ? live.lastHost : nil, tests: build.testsToCome)
    }
}

extension RunningBuild {
    init(_ live: LiveBuild) {
        let build = live.build
        self.init(
            id: build.id, stage: build.stage, guestOS: build.guestOS, owner: build.owner,
            host: live.hasLeftHost ? nil : build.host, requirements: build.requirements,
            startedMilliseconds: live.startedMilliseconds ?? 0, tests: build.testsToCome,
            priority: build.priority, submittedMilliseconds: build.submittedMilliseconds)
    }
}

extension Build {
    /// What an attempt of the current stage needs.
    var requirements: Requirements {
        guard stage == .test, let tests = plan.tests else { return plan.requirements }
        var needs = tests.requirements
        // A host that does not have the image yet keeps a copy of it.
        needs.diskBytes = [needs.diskBytes, image?.sizeBytes ?? 0].clampedSum()
        return needs
    }

    /// In the build stage: what the test of its image will need; `nil` if none follows.
    fileprivate var testsToCome: Requirements? {
        stage == .build ? plan.tests?.requirements : nil
    }

    /// The base image of an attempt of the current stage.
    var fetched: BaseImage? {
        guard stage == .test else { return plan.recipe.baseImage }
        return image.map { BaseImage(url: $0.url, sha256: $0.sha256) }
    }

    /// What the current stage tests; `nil` in the build stage.
    var testPlan: TestPlan? {
        guard stage == .test, var tests = plan.tests?.plan else { return nil }
        tests.imageFormat = image?.format ?? tests.imageFormat
        return tests
    }

    /// Whether programs of the current stage get the environment of the recipe, and its secrets.
    var usesEnvironment: Bool { testPlan?.isRemote ?? true }

    /// What not every agent can do, and the current stage needs.
    fileprivate var abilities: Set<BuildAbility> {
        plan.template.abilities.union(usesEnvironment ? plan.recipe.abilities : [])
    }

    var limits: AttemptLimits {
        guard stage == .test, let tests = plan.tests else { return plan.limits }
        return tests.limits(logBytes: plan.limits.logBytes)
    }
}
