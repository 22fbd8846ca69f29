import BuildProtocol

/// Builds and their attempts, with an index for each frequent query of the service, so that a
/// simulation of a hundred thousand builds takes linear time.
struct InMemoryBuilds: Sendable {
    private var byID: [String: Build] = [:]
    private var ids: [Number: String] = [:]
    private var lastNumbers: [String: Int] = [:]
    private var liveIDs: Set<String> = []
    private var halfPrunedIDs: Set<String> = []
    /// By guest OS, in the order of their ends.
    private var passed: [String: [Passed]] = [:]
    private(set) var attempts: [AttemptToken: Attempt] = [:]
    private var tokens: [String: [AttemptToken]] = [:]
    private(set) var artifacts: [AttemptToken: [Artifact]] = [:]
    private var failures: [AttemptToken: FailureRecord] = [:]
    /// By build.
    private(set) var testRecords: [String: [TestRecord]] = [:]

    private struct Number: Hashable {
        var guestOS: String
        var number: Int
    }

    private struct Passed {
        var endedMilliseconds: Int64
        var id: String
    }

    // MARK: Queries

    subscript(_ id: String) -> Build? { byID[id] }

    func build(guestOS: String, number: Int) -> Build? {
        ids[Number(guestOS: guestOS, number: number)].flatMap { byID[$0] }
    }

    func list(_ filter: BuildFilter, limit: Int) -> [Build] {
        InMemoryPage.newestFirst(byID, after: filter.after, limit: limit) { build in
            (build.submittedMilliseconds, build.id)
        } where: { build in
            filter.idPrefix.map { build.id.hasPrefix($0) } ?? true
                && filter.guestOS.map { $0 == build.guestOS } ?? true
                && filter.states.map { $0.contains(build.state) } ?? true
                && (!filter.isKept || build.prunedMilliseconds == nil)
        }
    }

    func live(after: String?, limit: Int) -> StorePage<RecordedBuild> {
        InMemoryPage.byID(liveIDs, after: after, limit: limit) { id in
            byID[id].map { RecordedBuild(build: $0, attempts: attempts(of: id)) }
        }
    }

    func halfPruned(after: String?, limit: Int) -> StorePage<Build> {
        InMemoryPage.byID(halfPrunedIDs, after: after, limit: limit) { byID[$0] }
    }

    func attempts(of id: String) -> [Attempt] {
        tokens[id, default: []].compactMap { attempts[$0] }.sorted { $0.ordinal < $1.ordinal }
    }

    func recentDurations(guestOS: String, stage: BuildStage, limit: Int) -> [StageDuration] {
        let durations = passed[guestOS, default: []].reversed().lazy.compactMap { build in
            attempts(of: build.id).first { $0.stage == stage && $0.outcome?.passed == true }?
                .duration
        }
        return Array(durations.prefix(limit))
    }

    func failures(_ filter: FailureFilter, limit: Int) -> [FailureRecord] {
        let found = failures.values.filter(filter.takes).sorted {
            ($1.atMilliseconds, $1.attempt.text) < ($0.atMilliseconds, $0.attempt.text)
        }
        return Array(found.prefix(limit))
    }

    // MARK: Changes

    func holds(guestOSID: String) -> Bool { byID.values.contains { $0.guestOSID == guestOSID } }

    mutating func add(_ new: NewBuild) -> Build {
        let number = lastNumbers[new.guestOSID, default: 0] + 1
        lastNumbers[new.guestOSID] = number
        let build = Build(new, number: number)
        byID[build.id] = build
        ids[Number(guestOS: build.guestOS, number: number)] = build.id
        liveIDs.insert(build.id)
        return build
    }

    mutating func replace(_ build: Build) {
        let hasPassed = build.state == .passed && byID[build.id]?.state != .passed
        byID[build.id] = build
        if build.state.isEnded { liveIDs.remove(build.id) }
        guard hasPassed else { return }
        let end = Passed(endedMilliseconds: build.endedMilliseconds ?? 0, id: build.id)
        let before = passed[build.guestOS]?.lastIndex {
            ($0.endedMilliseconds, $0.id) < (end.endedMilliseconds, end.id)
        }
        passed[build.guestOS, default: []].insert(end, at: before.map { $0 + 1 } ?? 0)
    }

    /// - Parameter build: the build before the change.
    mutating func recordAttempt(of change: BuildChange, on build: Build) {
        if let begin = change.begin {
            attempts[begin.token] = begin
            tokens[build.id, default: []].append(begin.token)
        }
        if let owner = change.owner, let end = change.end {
            attempts[owner]?.end(end, atMilliseconds: change.atMilliseconds)
            artifacts[owner] = end.artifacts.map(\.withoutChunks)
            failures[owner] = change.failure(build)
        }
        testRecords[build.id, default: []] += change.testRecords(build)
    }

    mutating func requestCancel(_ id: String) -> Build? {
        change(id, if: { !$0.state.isEnded }) { $0.cancelRequested = true }
    }

    mutating func setPinned(_ isPinned: Bool, _ id: String) -> Build? {
        change(id, if: { $0.prunedMilliseconds == nil }) { $0.isPinned = isPinned }
    }

    mutating func beginPrune(_ id: String, atMilliseconds: Int64) -> Build? {
        let pruned = change(id, if: \.isPrunable) { $0.prunedMilliseconds = atMilliseconds }
        if pruned != nil { halfPrunedIDs.insert(id) }
        return pruned
    }

    mutating func endPrune(_ id: String) { halfPrunedIDs.remove(id) }

    /// Oldest first.
    func history(before milliseconds: Int64) -> [String] {
        byID.values.filter { !halfPrunedIDs.contains($0.id) && $0.isHistory(before: milliseconds) }
            .sorted { ($0.submittedMilliseconds, $0.id) < ($1.submittedMilliseconds, $1.id) }
            .map(\.id)
    }

    mutating func remove(_ removed: some Sequence<String>) {
        for id in removed {
            guard let build = byID.removeValue(forKey: id) else { continue }
            ids[Number(guestOS: build.guestOS, number: build.number)] = nil
            passed[build.guestOS]?.removeAll { $0.id == id }
            for token in tokens.removeValue(forKey: id) ?? [] {
                attempts[token] = nil
                artifacts[token] = nil
                failures[token] = nil
            }
            testRecords[id] = nil
        }
    }

    private mutating func change(
        _ id: String, if isAllowed: (Build) -> Bool, _ change: (inout Build) -> Void
    ) -> Build? {
        guard var build = byID[id], isAllowed(build) else { return nil }
        change(&build)
        byID[id] = build
        return build
    }
}
