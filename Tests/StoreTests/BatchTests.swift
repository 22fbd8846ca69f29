import CoordinatorCore
import Testing

/// Rows that are registered together are stored together or not at all.
@Suite(.timeLimit(.minutes(3))) struct BatchTests {
    private func environment(_ name: String) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "env-" + name, name: name,
            settings: .openstack(
                OpenStackSettings(
                    authURL: "https://\(name)", project: "p", username: "u", format: .raw,
                    visibility: .public)), createdMilliseconds: 8)
    }

    @Test("A batch stores all of its rows", arguments: StoreKind.allCases)
    func batchIsStored(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("old"))
            try await leader.add(environment("east"), secret: Secret("first"))
            var changed = Samples.guestOS("old")
            changed.template = .missing
            changed.version = "16.04"
            var batch = RegistryBatch()
            batch.changedGuestOSes = [changed]
            batch.newGuestOSes = ["b", "a"].map { Samples.guestOS($0) }
            batch.newTestCases = [
                TestCase(id: "t1", name: "boots", osType: .windows),
                TestCase(id: "t2", name: "boots", osType: .linux),
            ]
            batch.newEnvironments = [
                EnvironmentEntry(environment: environment("west"), secret: Secret("w"))
            ]
            batch.changedEnvironments = [EnvironmentEntry(environment: environment("east"))]
            // Run again after the response of COMMIT was lost, it finds its own rows.
            for _ in 1...2 { try await leader.register(batch) }

            #expect(try await store.guestOS(named: "old") == changed)
            #expect(
                try await store.guestOSes(after: nil, limit: 9).map(\.name) == ["a", "b", "old"])
            #expect(try await store.testCases(nil).map(\.id) == ["t1", "t2"])
            #expect(
                try await store.testCases(.linux) == [
                    TestCase(id: "t2", name: "boots", osType: .linux)
                ])
            #expect(try await store.environments().map(\.name) == ["east", "west"])
            #expect(try await store.secret(ofEnvironment: "east") == Secret("first"))
            #expect(try await store.secret(ofEnvironment: "west") == Secret("w"))
            // A build of a registered guest OS gets its number.
            _ = try await leader.enqueue(Samples.build("b1", of: "a"))
        }
    }

    @Test("A batch that fails stores none of its rows", arguments: StoreKind.allCases)
    func failedBatchStoresNothing(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            try await leader.add(Samples.guestOS("taken"))
            var good = RegistryBatch()
            good.newGuestOSes = [Samples.guestOS("new")]
            good.newTestCases = [TestCase(id: "t", name: "boots", osType: .linux)]
            good.newEnvironments = [
                EnvironmentEntry(environment: environment("west"), secret: Secret("w"))
            ]

            var taken = good
            taken.newGuestOSes.append(Samples.guestOS("taken", id: "another"))
            var gone = good
            gone.changedGuestOSes = [Samples.guestOS("gone")]
            var lost = good
            lost.changedEnvironments = [EnvironmentEntry(environment: environment("lost"))]
            for batch in [taken, gone, lost] {
                await #expect(throws: StoreError.self) { try await leader.register(batch) }
                #expect(try await store.guestOSes(after: nil, limit: 9).map(\.name) == ["taken"])
                #expect(try await store.testCases(nil).isEmpty)
                #expect(try await store.environments().isEmpty)
            }
            try await leader.register(good)
            #expect(try await store.guestOSes(after: nil, limit: 9).count == 2)
        }
    }

    @Test("A batch of 10,000 rows is stored", arguments: StoreKind.allCases)
    func tenThousandRows(_ kind: StoreKind) async throws {
        try await kind.with { store, leader in
            var batch = RegistryBatch()
            batch.newGuestOSes = (0..<10_000).map { Samples.guestOS("g\($0)") }
            try await leader.register(batch)
            #expect(try await store.guestOSes(after: "g9998", limit: 9).map(\.name) == ["g9999"])
        }
    }
}
