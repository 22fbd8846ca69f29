/// The records of an in-memory store, and the writes that concern more than one kind of them.
struct InMemoryTables: Sendable {
    var hosts: [String: Host] = [:]
    var catalog = InMemoryCatalog()
    var builds = InMemoryBuilds()
    var releases = InMemoryReleases()
    var historic = InMemoryHistory()
    /// Oldest first.
    private(set) var audit: [AuditEntry] = []
    private var auditCount: Int64 = 0
    var retention = RetentionState()
    var deliveries = InMemoryDeliveries()
    var statuses = InMemoryStatuses()
    var secrets = InMemorySecrets()
    var notifications = InMemoryNotifications()
    var images = InMemoryImages()
    var access = InMemoryAccess()
    var triggers: [String: TriggerState] = [:]

    mutating func enqueue(_ new: NewBuild) throws -> Build {
        if let build = builds[new.id] { return build }
        guard catalog.holds(guestOSID: new.guestOSID) else {
            throw StoreError.notFound(what: .guestOS, name: new.guestOS)
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
            images.add(change.recordedImages)
            if change.withdrawsImage {
                images.release(ofBuild: build.id, atMilliseconds: change.atMilliseconds)
            }
            return changed
        }
    }

    mutating func beginPrune(_ id: String, atMilliseconds: Int64) -> Build? {
        let pruned = builds.beginPrune(id, atMilliseconds: atMilliseconds)
        if pruned != nil { images.release(ofBuild: id, atMilliseconds: atMilliseconds) }
        return pruned
    }

    mutating func record(_ entry: BuildLogEntry) -> BuildLogEntry {
        let known = historic.buildLog(limit: 1) { $0.imageName == entry.imageName }
        if let known = known.first { return known }
        var entry = entry
        entry.guestOSID = entry.guestOSName.flatMap { name in
            (catalog.guestOSes[name]
                ?? name.likeOriginal(catalog.guestOSes.keys)
                .flatMap { catalog.guestOSes[$0] })?.id
        }
        historic.record(entry)
        return entry
    }

    func historicName(like name: String, in names: HistoricKind) -> String? {
        switch names {
        case .guestOSes: name.likeOriginal(catalog.guestOSes.keys)
        case .environments: name.likeOriginal(releases.environments.keys)
        case .images: name.likeOriginal(historic.imageNames)
        }
    }

    mutating func record(_ entry: AuditEntry) {
        auditCount += 1
        var entry = entry
        entry.id = auditCount
        audit.append(entry)
    }

    mutating func removeAudit(before milliseconds: Int64, limit: Int) -> Int {
        let count = audit.prefix(limit).prefix { $0.atMilliseconds < milliseconds }.count
        audit.removeFirst(count)
        return count
    }

    /// Checks everything that can fail before it changes anything.
    mutating func register(_ batch: RegistryBatch) throws {
        try catalog.check(batch)
        try releases.check(batch)
        catalog.register(batch)
        releases.register(batch)
    }

    mutating func rename(_ kind: RegisteredKind, _ name: String, to new: String) throws {
        switch kind {
        case .guestOS:
            guard let id = catalog.guestOSes[name]?.id else {
                throw StoreError.notFound(what: kind.named, name: name)
            }
            guard !builds.holds(guestOSID: id) else { throw StoreError.isUsed(kind, name) }
            try catalog.rename(name, to: new)
            historic.rename(guestOSID: id, to: new)
        case .environment:
            guard !releases.holds(environment: name) else { throw StoreError.isUsed(kind, name) }
            try releases.rename(environment: name, to: new)
        }
    }

    mutating func removeGuestOS(named name: String) throws {
        guard let id = catalog.guestOSes[name]?.id else {
            throw StoreError.notFound(what: .guestOS, name: name)
        }
        guard !builds.holds(guestOSID: id),
            historic.buildLog(limit: 1, where: { $0.guestOSID == id }).isEmpty
        else { throw StoreError.hasBuilds(name) }
        catalog.remove(guestOS: name)
        triggers[id] = nil
    }

    // MARK: Hosts

    mutating func add(_ host: Host) throws {
        guard hosts[host.name] == nil else {
            throw StoreError.exists(what: .host, name: host.name)
        }
        hosts[host.name] = host
    }

    mutating func update(_ host: Host) throws {
        guard hosts[host.name] != nil else {
            throw StoreError.notFound(what: .host, name: host.name)
        }
        hosts[host.name]?.address = host.address
        hosts[host.name]?.hostKey = host.hostKey
        hosts[host.name]?.variables = host.variables
    }

    mutating func setDrain(_ drain: HostDrain?, host: String) throws {
        guard hosts[host] != nil else { throw StoreError.notFound(what: .host, name: host) }
        hosts[host]?.drain = drain
    }

    mutating func removeHost(_ name: String) throws {
        guard hosts.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: .host, name: name)
        }
    }
}

/// The historic tables `build_log`, `test_log` and `release_log`.
struct InMemoryHistory: Sendable {
    private var entries: [String: BuildLogEntry] = [:]
    private(set) var tests: [HistoricTest] = []
    private(set) var releases: [HistoricRelease] = []

    var imageNames: [String] { entries.values.map(\.imageName) }

    func buildLog(limit: Int, where matches: (BuildLogEntry) -> Bool) -> [BuildLogEntry] {
        InMemoryPage.newestFirst(
            entries, after: nil, limit: limit,
            by: { ($0.builtMilliseconds ?? .min, $0.id) },
            where: matches)
    }

    mutating func apply(_ change: BuildChange.BuildLogChange?) {
        switch change {
        case .insert(let entry): record(entry)
        case .move(let id, let url): entries[id]?.getURL = url
        case nil: break
        }
    }

    mutating func rename(guestOSID: String, to name: String) {
        for (id, entry) in entries where entry.guestOSID == guestOSID {
            entries[id]?.guestOSName = name
        }
    }

    /// - Returns: how many rows of `build_log` and of `release_log` were removed.
    mutating func remove(
        before milliseconds: Int64, limit: Int, keepingBuilds keepsBuild: (String) -> Bool,
        releases keepsRelease: (String) -> Bool
    ) -> [Int] {
        let old = entries.values.filter {
            ($0.builtMilliseconds ?? .max) < milliseconds && !keepsBuild($0.id)
        }.sorted { ($0.builtMilliseconds ?? 0, $0.id) < ($1.builtMilliseconds ?? 0, $1.id) }
            .prefix(limit)
        for entry in old {
            entries[entry.id] = nil
            tests.removeAll { $0.imageName == entry.imageName }
        }
        let gone = releases.filter {
            $0.releasedMilliseconds < milliseconds && !keepsRelease($0.id)
        }.prefix(limit)
        releases.removeAll { release in gone.contains { $0.id == release.id } }
        return [old.count, gone.count]
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

extension String {
    /// The first of the names that is the same without its case and the blanks at its end.
    fileprivate func likeOriginal(_ names: some Sequence<String>) -> String? {
        func plain(_ name: String) -> String {
            String(name.lowercased().reversed().drop { $0 == " " }.reversed())
        }
        let wanted = plain(self)
        return names.filter { plain($0) == wanted }.min(by: precedes)
    }
}

/// A page of a list, as every store returns it.
enum InMemoryPage {
    /// The rows that match, newest first, after the row `after`; empty if no row has this id.
    static func newestFirst<Row>(
        _ rows: [String: Row], after: String?, limit: Int, by key: (Row) -> (Int64, String),
        where matches: (Row) -> Bool
    ) -> [Row] {
        let last = after.map { rows[$0] }
        if case .some(.none) = last { return [] }
        let rest = rows.values.filter { row in
            matches(row) && (last?.map { key(row) < key($0) } ?? true)
        }
        return Array(rest.sorted { key($0) > key($1) }.prefix(limit))
    }

    /// The rows with these ids, by id, after the id `after`.
    static func byID<Row: Sendable>(
        _ ids: Set<String>, after: String?, limit: Int, _ row: (String) -> Row?
    ) -> StorePage<Row> {
        let rest = ids.filter { id in after.map { precedes($0, id) } ?? true }
        let page = rest.sorted(by: precedes).prefix(limit)
        return StorePage(
            rows: page.compactMap(row), next: page.count < rest.count ? page.last : nil)
    }
}
