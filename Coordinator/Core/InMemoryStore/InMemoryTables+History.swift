extension InMemoryTables {
    mutating func removeHistory(before milliseconds: Int64, limit: Int) -> Int {
        let oldReleases = releases.history(before: milliseconds).prefix(limit)
        releases.remove(oldReleases)
        let oldBuilds = builds.history(before: milliseconds)
            .filter { !releases.holds(build: $0) }.prefix(limit)
        builds.remove(oldBuilds)
        for id in oldBuilds { images.remove(ofBuild: id) }
        let counts = [oldReleases.count, oldBuilds.count]
        return
            (counts
            + historic.remove(
                before: milliseconds, limit: limit, keepingBuilds: { builds[$0] != nil },
                releases: { releases[$0] != nil })).max() ?? 0
    }
}

extension InMemoryTables {
    mutating func save(_ state: TriggerState) -> TriggerState? {
        guard catalog.holds(guestOSID: state.guestOSID),
            triggers[state.guestOSID]?.revision ?? 0 == state.revision
        else { return nil }
        var next = state
        next.revision += 1
        triggers[state.guestOSID] = next
        return next
    }
}
