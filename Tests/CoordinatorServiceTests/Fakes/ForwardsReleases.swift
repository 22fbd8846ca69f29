import CoordinatorCore

/// The parts of a wrapped store that are not about builds: every change passes
/// `effect`, which may stop it, or lose its answer.
protocol ForwardsReleases: ReleaseStore, HistoricStore, RetentionStore {
    var releaseBase: any ReleaseStore & HistoricStore & RetentionStore { get }
    func effect<T: Sendable>(_ body: () async throws -> T) async throws -> T
}

extension ForwardsReleases {
    func add(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) async throws {
        try await effect {
            try await releaseBase.add(environment, secret: secret, epoch: epoch)
        }
    }
    func update(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) async throws {
        try await effect {
            try await releaseBase.update(environment, secret: secret, epoch: epoch)
        }
    }
    func removeEnvironment(named name: String, epoch: Int64) async throws {
        try await effect { try await releaseBase.removeEnvironment(named: name, epoch: epoch) }
    }
    func environment(named name: String) async throws -> ReleaseEnvironment? {
        try await releaseBase.environment(named: name)
    }
    func environments() async throws -> [ReleaseEnvironment] {
        try await releaseBase.environments()
    }
    func secret(ofEnvironment name: String) async throws -> Secret? {
        try await releaseBase.secret(ofEnvironment: name)
    }
    func add(_ release: Release, epoch: Int64) async throws {
        try await effect { try await releaseBase.add(release, epoch: epoch) }
    }
    func release(id: String) async throws -> Release? { try await releaseBase.release(id: id) }
    func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release] {
        try await releaseBase.releases(filter, limit: limit)
    }
    func liveReleases() async throws -> [Release] { try await releaseBase.liveReleases() }
    func apply(_ change: ReleaseChange) async throws -> Release? {
        try await effect { try await releaseBase.apply(change) }
    }
    func requestCancel(release: String, epoch: Int64) async throws -> Release? {
        try await effect { try await releaseBase.requestCancel(release: release, epoch: epoch) }
    }

    func setPinned(_ isPinned: Bool, build: String, epoch: Int64) async throws -> Build? {
        try await effect {
            try await releaseBase.setPinned(isPinned, build: build, epoch: epoch)
        }
    }
    func beginPrune(build: String, atMilliseconds: Int64, epoch: Int64) async throws -> Build? {
        try await effect {
            try await releaseBase.beginPrune(
                build: build, atMilliseconds: atMilliseconds, epoch: epoch)
        }
    }
    func endPrune(build: String, epoch: Int64) async throws {
        try await effect { try await releaseBase.endPrune(build: build, epoch: epoch) }
    }
    func halfPruned() async throws -> [Build] { try await releaseBase.halfPruned() }

    func record(_ entry: BuildLogEntry, guestOS name: String) async throws {
        try await effect { try await releaseBase.record(entry, guestOS: name) }
    }
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry] {
        try await releaseBase.buildLog(imageName: imageName, limit: limit)
    }
    func record(_ test: HistoricTest) async throws {
        try await effect { try await releaseBase.record(test) }
    }
    func record(_ release: HistoricRelease) async throws {
        try await effect { try await releaseBase.record(release) }
    }
}
