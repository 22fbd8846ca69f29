/// Guest OSes and test cases.
struct InMemoryCatalog: Sendable {
    /// By name.
    private(set) var guestOSes: [String: GuestOS] = [:]
    private var guestOSNames: [String: String] = [:]
    private var testCases: [String: TestCase] = [:]

    // MARK: Guest OSes

    func holds(guestOSID: String) -> Bool { guestOSNames[guestOSID] != nil }

    func guestOSes(after: String?, limit: Int) -> [GuestOS] {
        let rest = guestOSes.values.filter { guestOS in
            after.map { precedes($0, guestOS.name) } ?? true
        }
        return Array(rest.sorted { precedes($0.name, $1.name) }.prefix(limit))
    }

    mutating func add(_ guestOS: GuestOS) throws {
        guard guestOSes[guestOS.name] == nil else {
            throw StoreError.exists(what: .guestOS, name: guestOS.name)
        }
        store(guestOS)
    }

    mutating func update(_ guestOS: GuestOS) throws {
        guard guestOSNames[guestOS.id] != nil else {
            throw StoreError.notFound(what: .guestOS, name: guestOS.name)
        }
        store(guestOS)
    }

    /// Adds the guest OS, or replaces the one with its id, whose name is kept.
    private mutating func store(_ guestOS: GuestOS) {
        var stored = guestOS
        stored.name = guestOSNames[guestOS.id] ?? guestOS.name
        guestOSes[stored.name] = stored
        guestOSNames[stored.id] = stored.name
    }

    mutating func rename(_ name: String, to new: String) throws {
        guard var guestOS = guestOSes[name] else {
            throw StoreError.notFound(what: .guestOS, name: name)
        }
        guard name != new else { return }
        guard guestOSes[new] == nil else { throw StoreError.exists(what: .guestOS, name: new) }
        guestOSes[name] = nil
        guestOS.name = new
        guestOSNames[guestOS.id] = new
        guestOSes[new] = guestOS
    }

    mutating func remove(guestOS name: String) {
        guard let guestOS = guestOSes.removeValue(forKey: name) else { return }
        guestOSNames[guestOS.id] = nil
    }

    // MARK: Test cases

    func testCases(_ osType: OSType?) -> [TestCase] {
        testCases.values.filter { osType == nil || $0.osType == osType }
            .sorted { $0.name == $1.name ? $0.id < $1.id : precedes($0.name, $1.name) }
    }

    mutating func add(_ testCase: TestCase) throws {
        guard !testCases.values.contains(where: testCase.isSame) else {
            throw StoreError.exists(what: .testCase, name: testCase.name)
        }
        testCases[testCase.id] = testCase
    }

    mutating func define(_ testCase: TestCase) throws {
        guard testCases[testCase.id] != nil else {
            throw StoreError.notFound(what: .testCase, name: testCase.id)
        }
        testCases[testCase.id]?.definition = testCase.definition
    }

    mutating func removeTestCase(id: String) throws {
        guard testCases.removeValue(forKey: id) != nil else {
            throw StoreError.notFound(what: .testCase, name: id)
        }
    }

    // MARK: Batches

    func check(_ batch: RegistryBatch) throws {
        for guestOS in batch.newGuestOSes {
            if let known = guestOSes[guestOS.name], known.id != guestOS.id {
                throw StoreError.exists(what: .guestOS, name: guestOS.name)
            }
        }
        for guestOS in batch.changedGuestOSes where guestOSNames[guestOS.id] == nil {
            throw StoreError.notFound(what: .guestOS, name: guestOS.name)
        }
    }

    mutating func register(_ batch: RegistryBatch) {
        for guestOS in batch.newGuestOSes + batch.changedGuestOSes { store(guestOS) }
        for test in batch.newTestCases where testCases[test.id] == nil {
            testCases[test.id] = test
        }
    }
}

/// Whether the name sorts first by its bytes, as in a database.
func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
}
