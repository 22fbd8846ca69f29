extension InMemoryTables {
    mutating func removeHistory(before milliseconds: Int64, limit: Int) -> Int {
        let oldReleases = releases.history(before: milliseconds).prefix(limit)
        releases.remove(oldReleases)
        let oldBuilds = builds.history(before: milliseconds)
            .filter { !releases.holds(build: $0) }.prefix(limit)
        builds.remove(oldBuilds)
        let counts = [oldReleases.count, oldBuilds.count]
        return
            (counts
            + historic.remove(
                before: milliseconds, limit: limit, keepingBuilds: { builds[$0] != nil },
                releases: { releases[$0] != nil })).max() ?? 0
    }
}
