/// The historic tables `build_log`, `test_log` and `release_log`.
struct InMemoryHistory: Sendable {
    private var entries: [String: BuildLogEntry] = [:]
    private(set) var tests: [HistoricTest] = []
    private(set) var releases: [HistoricRelease] = []

    func buildLog(limit: Int, where matches: (BuildLogEntry) -> Bool) -> [BuildLogEntry] {
        InMemoryPage.newestFirst(
            entries, after: nil, limit: limit, by: { ($0.builtMilliseconds, $0.id) },
            where: matches)
    }

    mutating func apply(_ change: BuildChange.BuildLogChange?) {
        switch change {
        case .insert(let entry): record(entry)
        case .move(let id, let url): entries[id]?.getURL = url
        case nil: break
        }
    }

    mutating func record(_ entry: BuildLogEntry) {
        if entries[entry.id] == nil { entries[entry.id] = entry }
    }

    mutating func record(_ test: HistoricTest) {
        if !tests.contains(where: { $0.id == test.id }) { tests.append(test) }
    }

    mutating func record(_ release: HistoricRelease) {
        if !releases.contains(where: { $0.id == release.id }) { releases.append(release) }
    }
}
