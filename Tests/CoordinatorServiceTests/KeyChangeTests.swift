import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TestSupport
import Testing

/// The change of the key that seals secrets, beside everything else.
@Suite("Change of the key", .timeLimit(.minutes(2))) struct KeyChangeTests {
    private func changes(_ farm: TestFarm) async throws -> [String] {
        try await farm.store.audit(limit: 99).filter { $0.action == "secret.rotate-key" }
            .map(\.actor)
    }

    @Test("It ends without those who asked, and who asks meanwhile waits for the same one")
    func goesOn() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 1, store: store)
        let (isInterrupted, isFound, mayEnd) = (Flag(), Flag(), Flag())
        // A change that was interrupted is ended at the start, and holds up nothing.
        store.next(.rotateKey) { await isInterrupted.wait() }
        store.next(.rotateKey) {
            await isFound.raise()
            await mayEnd.wait()
        }
        try await farm.run { coordinator in
            let build = try await farm.submit(coordinator)
            try await farm.wait(build, .passed)
            let change = try coordinator.leading().keyChange
            let first = Task { try await change.run(by: "anna") }
            // It asks for a key of its own: that of the interrupted change is an older one.
            await isInterrupted.raise()
            await isFound.wait()
            first.cancel()
            let second = Task { try await change.run(by: "ben") }
            #expect(try await changes(farm) == [])
            await mayEnd.raise()
            #expect(try await second.value == KeyRotation())
            #expect(try await first.value == KeyRotation())
            #expect(try await changes(farm).count == 1)
        }
    }

    @Test("One that fails says so, and the next one begins anew") func failure() async throws {
        let store = FaultyStore()
        let farm = try await TestFarm(hosts: 0, store: store)
        try await farm.run { coordinator in
            let change = try coordinator.leading().keyChange
            // After the one of the start.
            _ = try await change.run(by: "anna")
            store.fail(.rotateKey)
            await #expect(throws: StoreError.self) { _ = try await change.run(by: "anna") }
            #expect(try await change.run(by: "anna") == KeyRotation())
            #expect(try await changes(farm) == ["anna", "anna"])
        }
    }
}
