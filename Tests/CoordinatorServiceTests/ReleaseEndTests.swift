import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import Support
import TestSupport
import Testing

/// Releases to environments that are away: how they end, and what they leave.
@Suite("How releases end", .timeLimit(.minutes(2))) struct ReleaseEndTests {
    /// A farm with the environment `lab` and a build that passed.
    private func farm(_ body: (TestFarm, Leader, Build) async throws -> Void) async throws {
        let farm = try await TestFarm(hosts: 1)
        try await farm.leader.add(
            ReleaseEnvironment(
                id: "env-1", name: "lab",
                settings: .registry(RegistrySettings(url: "https://r")), createdMilliseconds: 0),
            secret: nil)
        try await farm.run { coordinator in
            let build = try await farm.wait(try await farm.submit(coordinator), .passed)
            try await body(farm, coordinator.leading(), build)
        }
    }

    private func submit(
        _ leader: Leader, _ build: Build, timeoutSeconds: Int? = nil
    ) async throws -> Release {
        try await leader.releaseRequests.submit(
            build, to: ["lab"], format: nil, timeoutSeconds: timeoutSeconds, by: "anna")[0]
    }

    private func wait(
        _ farm: TestFarm, _ release: Release, _ phase: ReleasePhase, passing: Int64 = 0
    ) async throws -> Release {
        var last = release
        return try await eventually("the release is \(phase), it is \(last)") {
            last = try await farm.ports.release(release.id)
            if last.phase == phase { return last }
            await farm.clock.advance(milliseconds: passing)
            return nil
        }
    }

    /// It went on for two hours more, to take back what it had never begun.
    @Test("A release to a cloud that cannot be reached ends after six tries")
    func unreachable() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.away, .away, .away, .away, .away, .away)
            let made = try await submit(leader, build)
            let waiting = try await wait(farm, made, .retrying)
            #expect(waiting.currentTry.map { "\($0.number)/\($0.limit)" } == "2/6")
            #expect(waiting.notBeforeMilliseconds == farm.clock.unixMilliseconds() + 5000)
            let failed = try await wait(farm, made, .failed, passing: 10_000)
            #expect(failed.attemptCount == 6 && failed.leftBehind == nil)
            #expect(failed.fault?.description == "connection refused")
            let calls = await farm.target.calls
            #expect(calls == Array(repeating: "release lab", count: 6), "nothing to take back")
            #expect(try await leader.environments.remove("lab", by: "anna").isEmpty)
        }
    }

    @Test("What cannot be taken back is tried eight times, then named")
    func cannotCleanUp() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.fault(ReleaseFault(.rejected, "quota exceeded")))
            await farm.target.failAbandon(99)
            let made = try await submit(leader, build)
            let cleaning = try await wait(farm, made, .cleaningUp)
            #expect(cleaning.ending == .failed)
            let failed = try await wait(farm, made, .failed, passing: 60_000)
            #expect(failed.attemptCount == 1 + ReleaseRetry.cleanUpTries)
            let left = try #require(failed.leftBehind)
            #expect(left.count == 1 && left[0].hasPrefix("image "))
            let why = failed.fault?.description ?? ""
            #expect(why.hasPrefix("quota exceeded. Left there") && why.contains(left[0]))
            #expect(why.hasSuffix("still away"), "the reason of the last try")
        }
    }

    @Test("A release that waits for its next try is cancelled at once")
    func cancelWaiting() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.away)
            let made = try await submit(leader, build)
            _ = try await wait(farm, made, .retrying)
            let cancelled = try await leader.releaseCancellation.cancel(made.id, by: "anna")
            #expect(cancelled.state == .cancelled && cancelled.leftBehind == nil)
            #expect(cancelled.fault?.description == "cancelled by anna")
        }
    }

    @Test("Whoever cancels a release can let go of what it cannot take back")
    func abandonCleanUp() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.fault(ReleaseFault(.failed, "reset")))
            await farm.target.failAbandon(99)
            let made = try await submit(leader, build)
            _ = try await wait(farm, made, .retrying)
            let cleaning = try await leader.releaseCancellation.cancel(made.id, by: "anna")
            #expect(cleaning.phase == .cleaningUp && cleaning.ending == .cancelled)
            let ended = try await leader.releaseCancellation.abandon(
                "debian:1@lab", by: "berta")
            #expect(ended.state == .cancelled && ended.abandonedBy == "berta")
            let left = try #require(ended.leftBehind?.first)
            let entry = try #require(
                try await farm.store.audit(limit: 20).first { $0.action == "release.abandon" })
            #expect(entry.actor == "berta" && entry.detail == "lab: left there: \(left)")
            await #expect(throws: Refusal.self) {
                _ = try await leader.releaseCancellation.abandon(made.id, by: "berta")
            }
            #expect(await leader.releases.live(environment: "lab").isEmpty)
        }
    }

    @Test("A release is let go of while it runs")
    func abandonRunning() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.hang)
            let made = try await submit(leader, build)
            try await eventually("it uploads") { await !farm.target.halfMade.isEmpty }
            let ended = try await leader.releaseCancellation.abandon(made.id, by: "anna")
            #expect(ended.state == .cancelled && ended.leftBehind?.count == 1)
            // The next one is not kept waiting.
            let next = try await submit(leader, build)
            _ = try await wait(farm, next, .released)
            #expect(try await farm.ports.release(made.id) == ended, "the end stays as it is")
        }
    }

    @Test("A release ends in the time that its request gives it", arguments: [true, false])
    func timeout(isRunning: Bool) async throws {
        try await farm { farm, leader, build in
            for seconds in [5, 700_000] {
                let refusal = await #expect(throws: Refusal.self) {
                    _ = try await submit(leader, build, timeoutSeconds: seconds)
                }
                #expect(refusal?.description.contains("use 1m to 7d") == true)
            }
            if isRunning {
                await farm.target.answer(.hang)
            } else {
                await farm.target.answer(.away, .away, .away, .away, .away, .away)
            }
            let made = try await submit(leader, build, timeoutSeconds: 60)
            let failed = try await wait(farm, made, .failed, passing: 5_000)
            let ended = try #require(failed.endedMilliseconds)
            #expect(ended - failed.createdMilliseconds < 75_000)
            #expect(failed.fault?.description.contains("did not succeed within 1m") == true)
            #expect(isRunning || failed.fault?.description.contains("connection refused") == true)
            #expect(await farm.target.halfMade.isEmpty, "what it began is taken back")
        }
    }

    @Test("An environment is removed by force with what its releases leave there")
    func forcedRemoval() async throws {
        try await farm { farm, leader, build in
            await farm.target.answer(.fault(ReleaseFault(.failed, "reset")))
            await farm.target.failAbandon(99)
            let made = try await submit(leader, build)
            _ = try await wait(farm, made, .retrying)
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.environments.remove("lab", by: "anna")
            }
            #expect(refusal?.description.contains("debian:1@lab") == true)
            #expect(refusal?.description.contains("env remove lab --force") == true)
            let abandoned = try await leader.environments.remove(
                "lab", isForced: true, by: "anna")
            #expect(abandoned.map(\.id) == [made.id] && abandoned[0].leftBehind?.count == 1)
            #expect(try await farm.store.environment(named: "lab") == nil)
            let entry = try await farm.store.audit(limit: 20).first { $0.action == "env.remove" }
            #expect(entry?.detail.hasPrefix("left there: image ") == true)
        }
    }

    @Test("A release is named by its image and environment, or by the beginning of its id")
    func references() async throws {
        try await farm { farm, _, build in
            for id in ["aaaa1-x", "aaaa2-x", "bbbb1-x"] {
                var release = Release(
                    id: id, build: build, environment: "lab", state: .released,
                    requestedBy: "anna", createdMilliseconds: id == "aaaa2-x" ? 9 : 5)
                release.endedMilliseconds = 9
                try await farm.leader.add(release)
            }
            for name in ["bbbb", "bbbb1-x"] {
                #expect(try await farm.ports.release(name).id == "bbbb1-x")
            }
            for name in ["debian:1@lab", "debian/1@lab", "debian:latest@lab"] {
                #expect(try await farm.ports.release(name).id == "aaaa2-x", "the newest")
            }
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await farm.ports.release("aaaa")
            }
            #expect(refusal?.description.contains("aaaa1-x (debian:1@lab)") == true)
            for (name, part) in [
                ("debain:1@lab", "guest OS named 'debain'"),
                ("debian:1@lap", "environment named 'lap'"),
            ] {
                let unknown = await #expect(throws: StoreError.self) {
                    _ = try await farm.ports.release(name)
                }
                #expect(unknown?.description.contains(part) == true, "\(unknown as Any)")
            }
            for name in ["bbb", "debian:2@lab", "debian@lab", "debian:1@prod", "@", "%", ""] {
                await #expect(throws: StoreError.self, "\(name)") {
                    _ = try await farm.ports.release(name)
                }
            }
        }
    }
}
