/// Which guest OS owns which image name in which environment.
struct InMemoryReleaseNames: Sendable {
    private struct Place: Hashable {
        var environment, name: String
    }

    private var byPlace: [Place: ReleaseName] = [:]

    subscript(_ environment: String, _ name: String) -> ReleaseName? {
        byPlace[Place(environment: environment, name: name)]
    }

    func list(_ environment: String, after: String?, limit: Int) -> [ReleaseName] {
        let names = byPlace.values.filter { name in
            name.environment == environment && (after.map { precedes($0, name.name) } ?? true)
        }
        return Array(names.sorted { precedes($0.name, $1.name) }.prefix(limit))
    }

    mutating func claim(_ name: ReleaseName) -> ReleaseName {
        let place = Place(environment: name.environment, name: name.name)
        let next = name.claiming(byPlace[place])
        byPlace[place] = next
        return next
    }

    mutating func give(_ name: ReleaseName) {
        byPlace[Place(environment: name.environment, name: name.name)] = name
    }

    /// The end of a release makes its claim final, or drops it.
    mutating func settle(_ release: Release) {
        for (place, name) in byPlace where name.claimedBy == release.id {
            if release.state == .released {
                byPlace[place]?.claimedBy = nil
            } else {
                byPlace[place] = nil
            }
        }
    }

    mutating func forget(environment: String) {
        byPlace = byPlace.filter { $0.key.environment != environment }
    }
}
