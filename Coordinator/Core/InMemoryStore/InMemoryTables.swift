/// The records of an in-memory store, and the writes that concern more than one kind of them.
struct InMemoryTables: Sendable {
    var hosts: [String: Host] = [:]
    var catalog = InMemoryCatalog()
    var builds = InMemoryBuilds()
    var releases = InMemoryReleases()
    var historic = InMemoryHistory()

    mutating func enqueue(_ new: NewBuild) throws -> Build {
        if let build = builds[new.id] { return build }
        guard catalog.holds(guestOSID: new.guestOSID) else {
            throw StoreError.notFound(what: "guest OS", name: new.guestOS)
        }
        return builds.add(new)
    }

    mutating func apply(_ change: BuildChange) -> Build? {
        guard let build = builds[change.build] else { return nil }
        switch change.effect(on: build) {
        case .refused: return nil
        case .applied: return build
        case .changed(let changed):
            builds.replace(changed)
            builds.recordAttempt(of: change, on: build)
            historic.apply(change.buildLogChange(build))
            for release in change.releases { releases.add(release) }
            return changed
        }
    }

    mutating func record(_ entry: BuildLogEntry, guestOS name: String) {
        var entry = entry
        entry.guestOSID = catalog.guestOSes[name]?.id ?? ""
        historic.record(entry)
    }

    /// Checks everything that can fail before it changes anything.
    mutating func register(_ batch: RegistryBatch) throws {
        try catalog.check(batch)
        try releases.check(batch)
        catalog.register(batch)
        releases.register(batch)
    }

    // MARK: Hosts

    mutating func add(_ host: Host) throws {
        guard hosts[host.name] == nil else {
            throw StoreError.exists(what: "host", name: host.name)
        }
        hosts[host.name] = host
    }

    mutating func setDrained(_ drained: Bool, host: String) throws {
        guard hosts[host] != nil else { throw StoreError.notFound(what: "host", name: host) }
        hosts[host]?.drained = drained
    }

    mutating func removeHost(_ name: String) throws {
        guard hosts.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: "host", name: name)
        }
    }
}
