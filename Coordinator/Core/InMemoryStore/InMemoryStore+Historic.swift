extension InMemoryStore {
    public func record(_ entry: BuildLogEntry, guestOS name: String) {
        var entry = entry
        entry.guestOSID = guestOS(named: name)?.id ?? ""
        insert(entry)
    }

    public func buildLog(imageName: String, limit: Int) -> [BuildLogEntry] {
        Array(
            buildLog(guestOSID: nil, limit: .max).filter { $0.imageName == imageName }
                .prefix(limit))
    }

    public func record(_ test: HistoricTest) { historicTests.append(test) }

    public func record(_ release: HistoricRelease) { historicReleases.append(release) }
}
