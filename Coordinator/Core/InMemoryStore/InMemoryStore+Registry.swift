extension InMemoryStore {
    public func register(_ batch: RegistryBatch) throws {
        try fence(batch.epoch)
        for guestOS in batch.newGuestOSes where guestOSByName[guestOS.name] != nil {
            throw StoreError.exists(what: "guest OS", name: guestOS.name)
        }
        for guestOS in batch.changedGuestOSes where guestOSByName[guestOS.name]?.id != guestOS.id {
            throw StoreError.notFound(what: "guest OS", name: guestOS.name)
        }
        for entry in batch.newEnvironments where environmentByName[entry.environment.name] != nil {
            throw StoreError.exists(what: "environment", name: entry.environment.name)
        }
        for entry in batch.changedEnvironments
        where environmentByName[entry.environment.name] == nil {
            throw StoreError.notFound(what: "environment", name: entry.environment.name)
        }
        // Everything that could fail has been looked at: from here on it is all or nothing.
        for guestOS in batch.newGuestOSes + batch.changedGuestOSes {
            guestOSByName[guestOS.name] = guestOS
        }
        for entry in batch.newEnvironments + batch.changedEnvironments {
            let kept = environmentByName[entry.environment.name]?.secret
            environmentByName[entry.environment.name] = (entry.environment, entry.secret ?? kept)
        }
        for test in batch.newTestCases { testCaseByID[test.id] = test }
    }
}
