import BuildProtocol
public import CoordinatorCore
import Support

/// How the builds of each guest OS ended last, which of them passed, and which builds ended last of
/// all. Read once after this coordinator began to lead, then kept as builds end.
public actor ResultBoard {
    /// What became of a guest OS since it last passed.
    public struct Failing: Sendable, Hashable {
        public var newest: Build
        /// Failures since it last passed, at most `ResultBoard.looks`.
        public var failures: Int
        /// The number of the last build that passed; `nil` if it is none of the last ones.
        public var lastPassed: Int?
    }

    private let ports: Ports
    private var failing: [String: Failing] = [:]
    /// The numbers of builds that passed, the newest first, at most `looks` of a guest OS.
    private var passed: [String: [Int]] = [:]
    /// Newest first.
    private var ended: [Build] = []
    private var loading: Task<Void, Never>?
    public private(set) var isLoaded = false

    /// Builds of each guest OS that are looked at.
    public static let looks = 20
    /// As many ended builds as a page shows.
    public static let kept = 20

    init(_ ports: Ports) { self.ports = ports }

    func start() { loading = Task { await load() } }

    func stop() async {
        loading?.cancel()
        await loading?.value
    }

    /// Those whose newest build failed, the newest failure first.
    public func allFailing() -> [Failing] {
        failing.values.sorted {
            ($0.newest.endedMilliseconds ?? 0, $0.newest.id)
                > ($1.newest.endedMilliseconds ?? 0, $1.newest.id)
        }
    }

    public func lastEnded() -> [Build] { ended }

    /// The numbers of its last builds that passed, the newest first, at most `looks`.
    public func passed(guestOS: String) -> [Int] { passed[guestOS] ?? [] }

    func note(_ build: Build) {
        insert(build)
        guard build.countsForGuestOS else { return }
        guard build.state == .failed else {
            guard build.state == .passed else { return }
            failing[build.guestOS] = nil
            insert([build.number], of: build.guestOS)
            return
        }
        let before = failing[build.guestOS]
        guard before?.newest.id != build.id else { return }
        failing[build.guestOS] = Failing(
            newest: build, failures: min((before?.failures ?? 0) + 1, Self.looks),
            lastPassed: before?.lastPassed)
    }

    func forget(guestOS: String) {
        failing[guestOS] = nil
        passed[guestOS] = nil
    }

    private func insert(_ numbers: [Int], of guestOS: String) {
        let all = Set(passed[guestOS] ?? []).union(numbers)
        passed[guestOS] = Array(all.sorted(by: >).prefix(Self.looks))
    }

    private func insert(_ build: Build) {
        guard !ended.contains(where: { $0.id == build.id }) else { return }
        let end = build.endedMilliseconds ?? 0
        let place = ended.firstIndex { ($0.endedMilliseconds ?? 0) < end } ?? ended.endIndex
        ended.insert(build, at: place)
        if ended.count > Self.kept { ended.removeLast() }
    }

    /// In the background: a page that is asked meanwhile says so.
    private func load() async {
        do {
            let states: Set<BuildState> = [.passed, .failed, .cancelled]
            for build in try await ports.store.builds(
                BuildFilter(states: states), limit: Self.kept)
            { insert(build) }
            var names: [String] = []
            try await ports.eachGuestOS { if !$0.isRetired { names.append($0.name) } }
            for name in names {
                if Task.isCancelled { return }
                try await load(name)
            }
            isLoaded = true
        } catch {
            Logger("coordinator").warning("cannot read how builds ended: \(error)")
        }
    }

    private func load(_ guestOS: String) async throws {
        let builds = try await ports.store.builds(
            BuildFilter(guestOS: guestOS, states: [.passed, .failed]), limit: Self.looks
        ).filter(\.countsForGuestOS)
        insert(builds.filter { $0.state == .passed }.map(\.number), of: guestOS)
        // What ended meanwhile was noted, and is newer.
        guard failing[guestOS] == nil, let newest = builds.first, newest.state == .failed else {
            return
        }
        let good = builds.firstIndex { $0.state == .passed }
        failing[guestOS] = Failing(
            newest: newest, failures: good ?? builds.count,
            lastPassed: good.map { builds[$0].number })
    }
}

extension Build {
    /// Whether its result is the guest OS's, and not of something that is tried out.
    public var countsForGuestOS: Bool { plan.isPublished && plan.change == nil }
}
