import BuildProtocol

/// Past durations of one stage of a guest OS, from which a forecast draws.
struct DurationPool: Sendable {
    /// The narrowest of these that has enough builds.
    enum Scope: Hashable, Sendable {
        case host(Int)
        case kvm(Bool)
        case all
    }

    let guestOS: Int
    let stage: BuildStage
    let scope: Scope
    private let sorted: [StageDuration]

    var count: Int { sorted.count }

    /// So few builds show less than how far durations can be apart.
    private static let few = 10
    /// How far one build alone may be off.
    private static let doubt = 0.8

    init(guestOS: Int, stage: BuildStage, scope: Scope, _ durations: [StageDuration]) {
        self.guestOS = guestOS
        self.stage = stage
        self.scope = scope
        sorted = durations.sorted { ($0.hostSeconds, $0.seconds) < ($1.hostSeconds, $1.seconds) }
    }

    /// - Parameter share: of the durations that are shorter.
    func duration(_ share: Double) -> StageDuration {
        pick(sorted[...], share, doubtful: sorted.count)
    }

    /// What remains of one that has taken `elapsed` seconds.
    /// - Parameter hasLeft: it occupies no host any more.
    func rest(after elapsed: Int, hasLeft: Bool, _ share: Double) -> StageDuration {
        let longer = sorted.filter { (hasLeft ? $0.seconds : $0.hostSeconds) > elapsed }
        guard !longer.isEmpty else {
            // Late. What has taken long takes long, but it may also end at any moment.
            let left = 1 + Int(Double(max(60, elapsed / 2)) * share)
            let tail = sorted.isEmpty ? 0 : sorted[sorted.count / 2].tailSeconds
            return StageDuration(hostSeconds: left, seconds: left &+ (hasLeft ? 0 : tail))
        }
        let drawn = pick(longer[...], share, doubtful: sorted.count)
        let host = max(1, drawn.hostSeconds &- elapsed)
        let end = hasLeft ? drawn.seconds &- elapsed : host &+ drawn.tailSeconds
        return StageDuration(hostSeconds: host, seconds: max(1, host, end))
    }

    /// Between the two that are next to the share.
    private func pick(
        _ durations: ArraySlice<StageDuration>, _ share: Double, doubtful count: Int
    ) -> StageDuration {
        let place = min(
            max(share * Double(durations.count + 1) - 1, 0), Double(durations.count - 1))
        let below = Int(place)
        let above = min(below + 1, durations.count - 1)
        let (a, b) = (
            durations[durations.startIndex + below], durations[durations.startIndex + above]
        )
        var factor = 1.0
        if count < Self.few {
            let stretch = (2 * share - 1) * Self.doubt / Double(count)
            factor = stretch < 0 ? 1 / (1 - stretch) : 1 + stretch
        }
        func between(_ a: Int, _ b: Int) -> Int {
            let value = Double(a) + Double(b - a) * (place - Double(below))
            return Int((value * factor).rounded())
        }
        return StageDuration(
            hostSeconds: between(a.hostSeconds, b.hostSeconds),
            seconds: between(a.seconds, b.seconds))
    }
}

extension StageDuration {
    /// From the free slot until the end is recorded.
    fileprivate var tailSeconds: Int { seconds &- hostSeconds }
}

/// The pools of a world, each made once.
struct DurationPools: Sendable {
    private struct Key: Hashable {
        var guestOS: Int
        var stage: BuildStage
        var host: Int?
    }

    private let world: World
    private let hostIndexes: [String: Int]
    private(set) var guestOSes: [String] = []
    private var indexes: [String: Int] = [:]
    private(set) var pools: [DurationPool] = []
    private var known: [Key: Int?] = [:]
    private var byScope: [String: Int] = [:]

    /// A narrower pool with fewer builds says less than a wider one.
    private static let enough = 8

    init(_ world: World, hostIndexes: [String: Int]) {
        self.world = world
        self.hostIndexes = hostIndexes
    }

    mutating func index(of guestOS: String) -> Int {
        if let known = indexes[guestOS] { return known }
        indexes[guestOS] = guestOSes.count
        guestOSes.append(guestOS)
        return guestOSes.count - 1
    }

    /// The index of the pool; `nil` if no such stage has passed yet.
    mutating func pool(_ guestOS: Int, _ stage: BuildStage, host: Int?) -> Int? {
        let key = Key(guestOS: guestOS, stage: stage, host: host)
        if let known = known[key] { return known }
        let found = make(key)
        known[key] = .some(found)
        return found
    }

    private mutating func make(_ key: Key) -> Int? {
        let usual = world.usual[guestOSes[key.guestOS]]
        let all = (key.stage == .build ? usual?.build : usual?.test) ?? []
        guard !all.isEmpty else { return nil }
        guard let host = key.host else { return store(key, .all, all) }
        let name = world.farm.hosts[host].name
        let here = all.filter { $0.host == name }
        if here.count >= Self.enough { return store(key, .host(host), here) }
        let kvm = hasKVM(host)
        let alike = all.filter {
            $0.host.flatMap { hostIndexes[$0] }.map(hasKVM) == kvm
        }
        if alike.count >= Self.enough, alike.count < all.count {
            return store(key, .kvm(kvm), alike)
        }
        return store(key, .all, all)
    }

    private func hasKVM(_ host: Int) -> Bool {
        world.farm.hosts[host].report?.accelerators.contains(.kvm) ?? false
    }

    private mutating func store(
        _ key: Key, _ scope: DurationPool.Scope, _ durations: [StageDuration]
    ) -> Int {
        let name = "\(key.guestOS) \(key.stage.rawValue) \(scope)"
        if let known = byScope[name] { return known }
        pools.append(
            DurationPool(guestOS: key.guestOS, stage: key.stage, scope: scope, durations))
        byScope[name] = pools.count - 1
        return pools.count - 1
    }

    /// What a forecast was made of that drew from these.
    func basis(_ used: Set<Int>) -> TimeRange.Basis? {
        let used = used.map { pools[$0] }
        guard let first = used.first else { return nil }
        let byGuestOS = Dictionary(grouping: used, by: \.guestOS)
        // The same builds show how long a build and its test take.
        let builds = byGuestOS.values.map { pools in
            func sum(_ stage: BuildStage) -> Int {
                pools.filter { $0.stage == stage }.map(\.count).reduce(0, +)
            }
            return max(sum(.build), sum(.test))
        }.reduce(0, +)
        let names = byGuestOS.keys.map { guestOSes[$0] }.sorted()
        var what = names.count > 2 ? "\(names.count) guest OSes" : names.joined(separator: " and ")
        if Set(used.map(\.scope)).count == 1 {
            switch first.scope {
            case .host(let host): what += " on \(world.farm.hosts[host].name)"
            case .kvm(true): what += " on hosts with KVM"
            case .kvm(false): what += " on hosts without KVM"
            case .all: break
            }
        }
        return TimeRange.Basis(builds: builds, of: what)
    }
}
