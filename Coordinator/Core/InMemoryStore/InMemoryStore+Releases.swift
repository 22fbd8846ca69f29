extension InMemoryStore {
    public func add(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) throws {
        try fence(epoch)
        guard environmentByName[environment.name] == nil else {
            throw StoreError.exists(what: "environment", name: environment.name)
        }
        environmentByName[environment.name] = (environment, secret)
    }

    public func update(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) throws {
        try fence(epoch)
        guard let (known, kept) = environmentByName[environment.name] else {
            throw StoreError.notFound(what: "environment", name: environment.name)
        }
        var changed = environment
        changed.id = known.id
        environmentByName[known.name] = (changed, secret ?? kept)
    }

    public func removeEnvironment(named name: String, epoch: Int64) throws {
        try fence(epoch)
        guard environmentByName.removeValue(forKey: name) != nil else {
            throw StoreError.notFound(what: "environment", name: name)
        }
    }

    public func environment(named name: String) -> ReleaseEnvironment? {
        environmentByName[name]?.environment
    }

    public func environments() -> [ReleaseEnvironment] {
        environmentByName.values.map(\.environment).sorted { precedes($0.name, $1.name) }
    }

    public func secret(ofEnvironment name: String) -> Secret? { environmentByName[name]?.secret }

    public func add(_ release: Release, epoch: Int64) throws {
        try fence(epoch)
        insert(release)
    }

    func insert(_ release: Release) {
        if releaseByID[release.id] == nil { releaseByID[release.id] = release }
    }

    public func release(id: String) -> Release? { releaseByID[id] }

    public func releases(_ filter: ReleaseFilter, limit: Int) -> [Release] {
        let last: Release?
        if let after = filter.after {
            guard let release = releaseByID[after] else { return [] }
            last = release
        } else {
            last = nil
        }
        let matching = releaseByID.values.filter { release in
            filter.build.map { $0 == release.build } ?? true
                && filter.guestOS.map { $0 == release.guestOS } ?? true
                && filter.environment.map { $0 == release.environment } ?? true
                && filter.states.map { $0.contains(release.state) } ?? true
                && last.map { isNewer($0, than: release) } ?? true
        }
        return Array(matching.sorted { isNewer($0, than: $1) }.prefix(limit))
    }

    public func liveReleases() -> [Release] {
        releaseByID.values.filter { !$0.state.isEnded }.sorted { isNewer($1, than: $0) }
    }

    public func apply(_ change: ReleaseChange) throws -> Release? {
        try fence(change.epoch)
        guard let release = releaseByID[change.release] else { return nil }
        switch change.effect(on: release) {
        case .refused: return nil
        case .applied: return release
        case .changed(let changed):
            releaseByID[release.id] = changed
            if changed.state == .released, let undone = changed.undoes {
                releaseByID[undone]?.state = .rolledBack
            }
            return changed
        }
    }

    public func requestCancel(release id: String, epoch: Int64) throws -> Release? {
        try fence(epoch)
        guard let release = releaseByID[id], !release.state.isEnded else { return nil }
        releaseByID[id]?.cancelRequested = true
        return releaseByID[id]
    }
}

private func isNewer(_ a: Release, than b: Release) -> Bool {
    (a.createdMilliseconds, a.id) > (b.createdMilliseconds, b.id)
}
