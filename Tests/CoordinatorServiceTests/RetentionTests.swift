import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Support
import Synchronization
import TestSupport
import Testing

/// Applying the policy: removals are complete, whatever happens in between.
@Suite(.timeLimit(.minutes(2))) struct RetentionTests {
    /// A farm of builds that passed, oldest first.
    private func farm(
        builds count: Int, _ policy: RetentionPolicy?,
        _ body: (TestFarm, Coordinator, [Build]) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.retention.withLock { $0 = policy }
        try await farm.run { coordinator in
            var builds: [Build] = []
            for _ in 0..<count {
                builds.append(
                    try await farm.wait(
                        try await farm.submit(coordinator), .passed, passing: 100))
            }
            try await body(farm, coordinator, builds)
        }
    }

    @Test("Old images are removed with their logs")
    func oldImages() async throws {
        try await farm(builds: 3, RetentionPolicy(goodImages: 2)) { farm, coordinator, builds in
            let planned = try await RetentionPlan(ports: farm.ports).report()
            #expect(planned.choices.map(\.build.id) == [builds[0].id])
            #expect(await farm.webRoot.published.count == 3, "a plan removes nothing")
            let gone = try await coordinator.leading().retention.run(by: "anna")
            #expect(gone.choices.map(\.build.id) == [builds[0].id])
            #expect(await farm.webRoot.published.map(\.build.id) == builds[1...].map(\.id))
            let token = try #require(builds[0].attempt)
            #expect(await farm.logs.files[token] == nil)
            #expect(try await farm.store.build(id: builds[0].id)?.prunedMilliseconds != nil)
            let audit = try await farm.store.audit(limit: 1)
            #expect(audit.map(\.action) == ["build.prune"])
            #expect(audit.first?.detail == "debian keeps its newest 2 images")
            #expect(try await coordinator.leading().retention.run(by: "anna").choices.isEmpty)
        }
    }

    @Test("Old entries of the audit log are removed, and templates that no kept build used")
    func otherData() async throws {
        let policy = RetentionPolicy(goodImages: 1, auditDays: 3)
        try await farm(builds: 2, policy) { farm, coordinator, _ in
            let before = try await farm.store.audit(limit: 99).count
            #expect(before > 0)
            _ = try await coordinator.leading().retention.run(by: "anna")
            #expect(try await farm.store.audit(limit: 99).count == before + 1)
            #expect(farm.templates.kept == [String(repeating: "a", count: 64)])
            await farm.clock.advance(milliseconds: 4 * 86_400_000)
            try await eventually("the next run removes them") {
                await farm.clock.advance(milliseconds: 60_000)
                return try await farm.store.audit(limit: 99).isEmpty
            }
        }
    }

    @Test("Rows of the history are removed once they are older than the policy keeps them")
    func history() async throws {
        let policy = RetentionPolicy(goodImages: 1, historyDays: 30)
        try await farm(builds: 3, policy) { farm, coordinator, builds in
            _ = try await coordinator.leading().retention.run(by: "anna")
            #expect(try await farm.store.builds(BuildFilter(), limit: 9).count == 3)
            await farm.clock.advance(milliseconds: 31 * 86_400_000)
            try await eventually("only the build whose image is kept has a row") {
                await farm.clock.advance(milliseconds: 60_000)
                return try await farm.store.builds(BuildFilter(), limit: 9).map(\.id)
                    == [builds[2].id]
            }
            #expect(try await farm.store.attempts(ofBuild: builds[0].id).isEmpty)
            #expect(try await !farm.store.attempts(ofBuild: builds[2].id).isEmpty)
        }
    }

    @Test("A pinned image is kept, and a removed one cannot be pinned")
    func pin() async throws {
        try await farm(builds: 3, RetentionPolicy(goodImages: 1)) { farm, coordinator, builds in
            let pinned = try await coordinator.leading().retention.setPinned(
                true, builds[0], by: "anna")
            #expect(pinned.isPinned)
            _ = try await coordinator.leading().retention.run(by: "anna")
            #expect(
                await farm.webRoot.published.map(\.build.id) == [builds[0].id, builds[2].id])
            await #expect(throws: Refusal.self) {
                try await coordinator.leading().retention.setPinned(true, builds[1], by: "anna")
            }
        }
    }

    /// The row says that it was removed, but the files still exist: the next pass deletes them.
    @Test("A removal that was interrupted is completed")
    func interruptedRemoval() async throws {
        try await farm(builds: 2, RetentionPolicy(goodImages: 1)) { farm, coordinator, builds in
            await farm.webRoot.failRemove(1)
            let report = try await coordinator.leading().retention.run(by: "anna")
            #expect(report.choices.isEmpty)
            #expect(report.failures.map(\.reason) == ["the web root is away"])
            #expect(try await farm.store.allHalfPruned().map(\.id) == [builds[0].id])
            #expect(await farm.webRoot.published.count == 2)
            _ = try await coordinator.leading().retention.run(by: "anna")
            #expect(await farm.webRoot.published.map(\.build.id) == [builds[1].id])
            #expect(try await farm.store.allHalfPruned().isEmpty)
        }
    }

    @Test("A released image is kept")
    func releasedImage() async throws {
        try await farm(builds: 2, RetentionPolicy(goodImages: 1)) { farm, coordinator, builds in
            try await farm.leader.add(
                Release(
                    id: "r1", build: builds[0], environment: "e1", state: .released,
                    requestedBy: "anna", createdMilliseconds: 1))
            #expect(try await coordinator.leading().retention.run(by: "anna").choices.isEmpty)
            #expect(await farm.webRoot.published.count == 2)
        }
    }

    @Test("Images are removed within minutes of the web root running full")
    func fullWebRoot() async throws {
        let policy = RetentionPolicy(goodImages: 9, minimumFreeBytes: 1 << 30)
        try await farm(builds: 2, policy) { farm, _, builds in
            await farm.webRoot.setFree(1 << 20)
            let began = farm.clock.monotonicMilliseconds()
            try await eventually("the oldest image went") {
                await farm.clock.advance(milliseconds: 5_000)
                return await farm.webRoot.published.map(\.build.id) == [builds[1].id]
            }
            #expect(farm.clock.monotonicMilliseconds() - began <= 200_000)
        }
    }

    @Test("Without a policy nothing is removed")
    func noPolicy() async throws {
        try await farm(builds: 2, nil) { farm, coordinator, _ in
            let error = await #expect(throws: Refusal.self) {
                try await coordinator.leading().retention.run(by: "anna")
            }
            #expect(error?.description.contains("coordinator.yml") == true)
            #expect(await farm.webRoot.published.count == 2)
        }
    }
}
