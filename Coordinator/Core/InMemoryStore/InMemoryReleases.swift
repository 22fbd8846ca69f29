struct InMemoryReleases: Sendable {
    /// By name.
    private(set) var environments: [String: EnvironmentEntry] = [:]
    private var byID: [String: Release] = [:]
    private var liveIDs: Set<String> = []
    private(set) var names = InMemoryReleaseNames()

    // MARK: Environments

    mutating func add(_ environment: ReleaseEnvironment, _ secret: Secret?) throws {
        let entry = EnvironmentEntry(environment: environment, secret: secret)
        try checkNew(entry)
        if environments[environment.name] == nil { environments[environment.name] = entry }
    }

    mutating func update(_ environment: ReleaseEnvironment, _ secret: Secret?) throws {
        let entry = EnvironmentEntry(environment: environment, secret: secret)
        try checkChanged(entry)
        change(entry)
    }

    mutating func removeEnvironment(named name: String) throws {
        guard environments.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: .environment, name: name)
        }
        names.forget(environment: name)
    }

    func holds(environment name: String) -> Bool {
        byID.values.contains { $0.environment == name }
    }

    mutating func rename(environment name: String, to new: String) throws {
        guard var entry = environments[name] else {
            throw StoreError.notFound(what: .environment, name: name)
        }
        guard name != new else { return }
        guard environments[new] == nil else {
            throw StoreError.exists(what: .environment, name: new)
        }
        environments[name] = nil
        entry.environment.name = new
        environments[new] = entry
        names.forget(environment: name)
    }

    mutating func claim(_ name: ReleaseName) -> ReleaseName { names.claim(name) }

    mutating func give(_ name: ReleaseName) { names.give(name) }

    func check(_ batch: RegistryBatch) throws {
        for entry in batch.newEnvironments { try checkNew(entry) }
        for entry in batch.changedEnvironments { try checkChanged(entry) }
    }

    mutating func register(_ batch: RegistryBatch) {
        for entry in batch.newEnvironments where environments[entry.environment.name] == nil {
            environments[entry.environment.name] = entry
        }
        for entry in batch.changedEnvironments { change(entry) }
    }

    private func checkNew(_ entry: EnvironmentEntry) throws {
        let name = entry.environment.name
        guard environments[name]?.environment.id ?? entry.environment.id == entry.environment.id
        else { throw StoreError.exists(what: .environment, name: name) }
    }

    private func checkChanged(_ entry: EnvironmentEntry) throws {
        let name = entry.environment.name
        guard environments[name] != nil else {
            throw StoreError.notFound(what: .environment, name: name)
        }
    }

    private mutating func change(_ entry: EnvironmentEntry) {
        let name = entry.environment.name
        guard let known = environments[name] else { return }
        var changed = entry
        changed.environment.id = known.environment.id
        changed.secret = entry.secret ?? known.secret
        environments[name] = changed
    }

    // MARK: Releases

    subscript(_ id: String) -> Release? { byID[id] }

    func list(_ filter: ReleaseFilter, limit: Int) -> [Release] {
        InMemoryPage.newestFirst(byID, after: filter.after, limit: limit) { release in
            (release.createdMilliseconds, release.id)
        } where: { release in
            filter.build.map { $0 == release.build } ?? true
                && filter.guestOS.map { $0 == release.guestOS } ?? true
                && filter.environment.map { $0 == release.environment } ?? true
                && filter.states.map { $0.contains(release.state) } ?? true
                && filter.idPrefix.map { release.id.utf8.starts(with: $0.utf8) } ?? true
        }
    }

    func live(after: String?, limit: Int) -> StorePage<Release> {
        InMemoryPage.byID(liveIDs, after: after, limit: limit) { byID[$0] }
    }

    mutating func add(_ release: Release) {
        if byID[release.id] == nil { replace(release) }
    }

    mutating func apply(_ change: ReleaseChange) -> Release? {
        guard let release = byID[change.release] else { return nil }
        switch change.effect(on: release) {
        case .refused: return nil
        case .applied: return release
        case .changed(let changed):
            replace(changed)
            if changed.state.isEnded { names.settle(changed) }
            if changed.state == .released, let id = changed.undoes, var undone = byID[id] {
                undone.state = .rolledBack
                replace(undone)
            }
            return changed
        }
    }

    mutating func requestCancel(_ id: String) -> Release? {
        guard var release = byID[id], !release.state.isEnded else { return nil }
        release.cancelRequested = true
        replace(release)
        return release
    }

    func holds(build: String) -> Bool { byID.values.contains { $0.build == build } }

    /// Oldest first.
    func history(before milliseconds: Int64) -> [String] {
        byID.values.filter { release in
            let newer = byID.values.count {
                $0.state == .released && $0.environment == release.environment
                    && $0.guestOS == release.guestOS
                    && $0.createdMilliseconds > release.createdMilliseconds
            }
            return release.isHistory(before: milliseconds, newer: newer)
        }.sorted { ($0.createdMilliseconds, $0.id) < ($1.createdMilliseconds, $1.id) }.map(\.id)
    }

    mutating func remove(_ ids: some Sequence<String>) {
        for id in ids { byID[id] = nil }
    }

    private mutating func replace(_ release: Release) {
        byID[release.id] = release
        if release.state.isEnded {
            liveIDs.remove(release.id)
        } else {
            liveIDs.insert(release.id)
        }
    }
}
