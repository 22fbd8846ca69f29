import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// What builds made elsewhere goes once nobody wants it, however often that fails at first.
@Suite(.timeLimit(.minutes(2))) struct RemoteImageRemovalTests {
    /// A cloud that may be away.
    private final class Cloud: RemoteImageRemover {
        let removed = Notes<String>()
        let isAway = Mutex(false)
        let tries = Notes<String>()

        func remove(_ image: RemoteImage, of build: Build) async throws {
            tries.add(image.id ?? "?")
            if isAway.withLock(\.self) { throw RemovalFault("the cloud is away") }
            removed.add("\(image.id ?? "?") of \(build.imageName)")
        }
    }

    private let made = [
        RemoteImage(builder: "aws", type: "ami", id: "eu:ami-1"),
        RemoteImage(builder: "gce", type: "", id: nil),
    ]

    private func farm(_ cloud: Cloud?, _ plan: FakeAgent.Plan) async throws -> TestFarm {
        let farm = try await TestFarm(hosts: 1)
        farm.imageRemover.withLock { $0 = cloud }
        await farm.agents[0].change { [made] settings in
            settings.plan = plan
            settings.remoteImages = made
        }
        return farm
    }

    private let failure = FakeAgent.Plan.fail(
        Fault(.template, .testFailed, "one of two clouds refused it"))

    @Test("What a failed attempt left is removed, after growing pauses if that fails")
    func failed() async throws {
        let cloud = Cloud()
        cloud.isAway.withLock { $0 = true }
        let farm = try await farm(cloud, failure)
        try await farm.runBuild { _, build in
            let ended = try await farm.wait(build, .failed)
            let images = try await eventually("both were tried once") {
                await farm.clock.advance(milliseconds: 1000)
                let images = try await farm.store.remoteImages(ofBuild: build.id)
                return images.allSatisfy { $0.tries == 1 } ? images : nil
            }
            #expect(images.allSatisfy { $0.problem == "the cloud is away" })
            #expect(images.allSatisfy { $0.removeMilliseconds ?? 0 > ended.endedMilliseconds ?? 0 })
            cloud.isAway.withLock { $0 = false }
            try await eventually("both are removed") {
                await farm.clock.advance(milliseconds: 10_000)
                return cloud.removed.all.count == 2
            }
            let name = build.imageName
            #expect(cloud.removed.all.sorted() == ["? of \(name)", "eu:ami-1 of \(name)"])
            let gone = try await eventually("it is recorded") {
                let images = try await farm.store.remoteImages(ofBuild: build.id)
                return images.allSatisfy { $0.removedMilliseconds != nil } ? images : nil
            }
            #expect(gone.allSatisfy { $0.removeMilliseconds == nil && $0.problem == nil })
            try await eventually("who removed it is recorded") {
                try await farm.store.audit(limit: 9).filter { $0.action == "image.remove" }
                    .map(\.detail).sorted()
                    == ["eu:ami-1 (aws)", "what gce may have left"]
            }
        }
    }

    @Test("The images of a build that passed stay until retention removes it here")
    func pruned() async throws {
        let cloud = Cloud()
        let farm = try await farm(cloud, .pass(Array("image".utf8)))
        farm.retention.withLock { $0 = RetentionPolicy(goodImages: 1) }
        try await farm.run { coordinator in
            let old = try await farm.wait(try await farm.submit(coordinator), .passed, passing: 100)
            _ = try await farm.wait(try await farm.submit(coordinator), .passed, passing: 100)
            let kept = try await farm.store.remoteImages(ofBuild: old.id)
            #expect(kept.map(\.image) == made && cloud.tries.all.isEmpty)
            _ = try await coordinator.leading().retention.run(by: "anna")
            try await eventually("those of the old build are removed") {
                await farm.clock.advance(milliseconds: 10_000)
                return cloud.removed.all.count == 2
            }
            #expect(cloud.removed.all.allSatisfy { $0.hasSuffix(old.imageName) })
        }
    }

    /// It can only be looked for by a name, which the image of a later attempt has as well.
    @Test("An image without an id is left alone while another attempt may pass, and once one has")
    func unnamed() async throws {
        let cloud = Cloud()
        let fault = Fault(.infrastructure, .hostError, "Packer was killed")
        let farm = try await farm(cloud, .fail(fault))
        try await farm.runBuild { _, build in
            try await eventually("the first attempt failed") {
                try await farm.faults(build) == ["h0 host.error"]
            }
            await farm.agents[0].change { settings in
                settings.plan = .pass(Array("image".utf8))
                settings.remoteImages = nil
            }
            try await farm.wait(build, .passed, passing: 1000)
            let known = try await eventually("both are decided") {
                await farm.clock.advance(milliseconds: 10_000)
                let images = try await farm.store.remoteImages(ofBuild: build.id)
                return images.allSatisfy { $0.removeMilliseconds == nil } ? images : nil
            }
            #expect(known.map { $0.removedMilliseconds != nil } == [true, false])
            #expect(known.last?.problem?.hasPrefix("a later attempt passed") == true)
            #expect(!cloud.tries.all.contains("?"))
        }
    }

    @Test("A coordinator that does not know how to remove them keeps what is due in mind")
    func later() async throws {
        let farm = try await farm(nil, failure)
        try await farm.runBuild { _, build in _ = try await farm.wait(build, .failed) }
        let due = try await farm.store.dueRemovals(atMilliseconds: 1 << 50, limit: 9)
        #expect(due.map(\.image) == made)
        let cloud = Cloud()
        farm.imageRemover.withLock { $0 = cloud }
        try await farm.run { _ in
            try await eventually("the next coordinator removes them") {
                await farm.clock.advance(milliseconds: 10_000)
                return cloud.removed.all.count == 2
            }
        }
    }
}
