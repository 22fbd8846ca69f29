import BuildProtocol
import CoordinatorCore
import Testing

/// What is registered together is stored together, or not at all.
@Suite(.timeLimit(.minutes(3))) struct BatchTests {
    private func environment(_ name: String) -> ReleaseEnvironment {
        ReleaseEnvironment(
            id: "env-" + name, name: name,
            settings: .openstack(
                OpenStackSettings(
                    authURL: "https://\(name)", project: "p", username: "u", format: .raw,
                    visibility: .public)), createdMilliseconds: 8)
    }

    @Test(arguments: StoreKind.allCases)
    func allOfItIsStored(_ kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.add(Samples.guestOS("old"))
            try await store.add(environment("east"), secret: Secret("first"), epoch: 0)
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
            // Run again after the answer of COMMIT was lost, it finds its own rows.
            for _ in 1...(kind == .memory ? 1 : 2) { try await store.register(batch) }

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
            // A build of what was registered gets its number.
            _ = try await store.enqueue(Samples.build("b1", of: "a"))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func orNothingIs(_ kind: StoreKind) async throws {
        try await kind.with { store in
            try await store.add(Samples.guestOS("taken"))
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
            var stale = good
            stale.epoch = 9
            for batch in [taken, gone, lost, stale] {
                await #expect(throws: StoreError.self) { try await store.register(batch) }
                #expect(try await store.guestOSes(after: nil, limit: 9).map(\.name) == ["taken"])
                #expect(try await store.testCases(nil).isEmpty)
                #expect(try await store.environments().isEmpty)
            }
            try await store.register(good)
            #expect(try await store.guestOSes(after: nil, limit: 9).count == 2)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func tenThousandRowsAreStored(_ kind: StoreKind) async throws {
        try await kind.with { store in
            var batch = RegistryBatch()
            batch.newGuestOSes = (0..<10_000).map { Samples.guestOS("g\($0)") }
            try await store.register(batch)
            #expect(try await store.guestOSes(after: "g9998", limit: 9).map(\.name) == ["g9999"])
        }
    }
}
