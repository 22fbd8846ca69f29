import BuildProtocol
import CoordinatorCore
@testable import CoordinatorService
import TestSupport
import Testing

/// An older image replaces a newer one only if somebody asks for it.
@Suite("Order of releases", .timeLimit(.minutes(2))) struct ReleaseSequenceTests {
    /// A farm in which the releases of two builds of `debian` to `lab` wait for their approval.
    private func farm(
        _ body: (TestFarm, Leader, _ old: Release, _ new: Release) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: 1)
        farm.templates.release(ReleasePlan(to: ["lab"], when: .manual))
        try await farm.leader.add(
            ReleaseEnvironment(
                id: "id-lab", name: "lab",
                settings: .openstack(
                    OpenStackSettings(authURL: "http://k", project: "p", username: "u")),
                createdMilliseconds: 0), secret: nil)
        try await farm.run { coordinator in
            var waiting: [Release] = []
            for _ in 1...2 {
                let build = try await farm.wait(try await farm.submit(coordinator), .passed)
                waiting.append(
                    try await eventually("the release of \(build.number) waits") {
                        try await farm.store.releases(ReleaseFilter(build: build.id), limit: 1)
                            .first { $0.state == .awaitingApproval }
                    })
            }
            try await body(farm, coordinator.leading(), waiting[0], waiting[1])
        }
    }

    private func wait(
        _ farm: TestFarm, _ id: String, _ state: ReleaseState
    ) async throws -> Release {
        try await eventually("the release is \(state)") {
            try await farm.store.release(id: id).flatMap { $0.state == state ? $0 : nil }
        }
    }

    @Test("A release that waits ends as superseded once a newer image is there")
    func superseded() async throws {
        try await farm { farm, leader, old, new in
            _ = try await leader.releaseRequests.approve(new.id, by: "anna")
            _ = try await wait(farm, new.id, .released)
            let ended = try await wait(farm, old.id, .refused)
            #expect(
                ended.fault?.description
                    == "superseded: lab has debian:2, which is newer. To release the older image "
                    + "all the same: aibuild release debian:1 --to lab")
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.retry(old.id, by: "anna")
            }
            #expect(refusal?.description.hasPrefix("superseded: lab has debian:2") == true)
            #expect(await farm.target.calls == ["release lab"])
            // Whoever names the older one wants it.
            let build = try #require(try await farm.store.build(id: old.build))
            let made = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "anna")
            _ = try await wait(farm, made[0].id, .released)
        }
    }

    @Test("The board knows what an environment has, after a rollback and for the next leader")
    func board() async throws {
        try await farm { farm, leader, old, new in
            func has(_ number: Int, isRollback: Bool = false) async throws {
                try await eventually("lab has build \(number)") {
                    let place = await leader.releaseBoard.places(of: "debian")["lab"]
                    return place?.number == number && place?.isRollback == isRollback
                }
                await farm.clock.advance(milliseconds: 10)
            }
            #expect(await leader.releaseBoard.places(of: "debian").isEmpty)
            _ = try await leader.releaseRequests.approve(new.id, by: "anna")
            try await has(2)
            let build = try #require(try await farm.store.build(id: old.build))
            _ = try await leader.releaseRequests.submit(
                build, to: ["lab"], format: nil, by: "anna")
            try await has(1)
            _ = try await leader.releaseRequests.rollBack(
                guestOS: "debian", in: ["lab"], by: "ben")
            try await has(2, isRollback: true)
            let next = ReleaseBoard(farm.ports)
            await next.start()
            try await eventually("it has read all") { await next.isLoaded }
            #expect(
                await next.places(of: "debian") == leader.releaseBoard.places(of: "debian"))
            await next.stop()
        }
    }

    @Test("An older release is not approved while a newer one is on its way")
    func underWay() async throws {
        try await farm { farm, leader, old, new in
            await farm.target.answer(.fault(ReleaseFault(.failed, "away")))
            _ = try await leader.releaseRequests.approve(new.id, by: "anna")
            try await eventually("the newer one waits for its next try") {
                try await farm.store.release(id: new.id)?.fault != nil
            }
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await leader.releaseRequests.approve(old.id, by: "anna")
            }
            #expect(
                refusal?.description
                    == "the release of debian:2, which is newer, is on its way to lab already. "
                    + "Wait until it has ended, or cancel it first: aibuild release cancel "
                    + "debian:2@lab")
            #expect(try await farm.store.release(id: old.id)?.state == .awaitingApproval)
            _ = try await leader.releaseCancellation.cancel(new.id, by: "anna")
            _ = try await wait(farm, new.id, .cancelled)
            _ = try await leader.releaseRequests.approve(old.id, by: "anna")
            _ = try await wait(farm, old.id, .released)
        }
    }

    @Test("In their order, both releases are approved")
    func inOrder() async throws {
        try await farm { farm, leader, old, new in
            for release in [old, new] {
                _ = try await leader.releaseRequests.approve(release.id, by: "anna")
                _ = try await wait(farm, release.id, .released)
            }
            #expect(await farm.target.calls == ["release lab", "release lab"])
        }
    }
}
