import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

@testable import DockerKit

/// Against a real dockerd and a real registry.
struct ReplacementTests {
    private static let sickly = [
        DockerHost.service,
        #"HEALTHCHECK --interval=100ms --timeout=5s --retries=1 "#
            + #"CMD ["/bin/sh","-c","echo I feel bad; exit 3"]"#,
    ]
    private static let healthy = [
        DockerHost.service,
        #"HEALTHCHECK --interval=100ms --timeout=5s --retries=3 CMD ["/bin/test","-e","/version"]"#,
    ]

    @Test("A replacement leaves nothing of the old container, and unused images are removed")
    func replacementRemovesOld() async throws {
        let service = try await TestService()
        let first = try await service.push("1", Self.healthy)
        let second = try await service.push("2", Self.healthy)
        let memory = try await service.deploy(first, id: "r1")
        #expect(memory == .init(wasRunning: false, previousImage: nil))
        #expect(try await service.version() == "1")
        let next = try await service.deploy(second, id: "r2")
        #expect(next == .init(wasRunning: true, previousImage: first.description))
        #expect(try await service.version() == "2")
        #expect(try await service.containers() == ["\(service.name) running"])
        // The first image is unused now; the second is used, also by a stopped container.
        try await service.host.run(["stop", "--time", "1", service.name])
        let removed = try await service.engine.removeUnusedImages(
            of: service.repository, keep: [])
        #expect(removed == [first.description])
        #expect(try await service.images() == [second.description])
        try await service.host.run(["rm", "-f", service.name])
    }

    @Test("An image without a digest is kept, since it cannot be pulled again")
    func localImageIsKept() async throws {
        let service = try await TestService()
        let image = try await service.push("1")
        _ = try await service.engine.pull(image, credentials: nil)
        let local = "\(service.repository):local"
        try await service.host.run(["tag", image.description, local])
        let kept = try await service.engine.image(local)
        #expect(
            try await service.engine.removeUnusedImages(
                of: service.repository, keep: [try #require(kept).id]) == [])
        // Without its digest it cannot be restored.
        _ = try await service.engine.removeImage(image.description)
        #expect(try await service.images() == [local])
        #expect(
            try await service.engine.removeUnusedImages(of: service.repository, keep: []) == [])
        _ = try await service.engine.removeImage(local)
    }

    @Test("An unhealthy container rolls back to the old one and quotes its log")
    func unhealthyRollsBack() async throws {
        let service = try await TestService()
        let first = try await service.push("1", Self.healthy)
        let second = try await service.push("2", Self.sickly)
        try await service.deploy(first, id: "r1")
        let error = try await failure { try await service.deploy(second, id: "r2") }
        #expect(error.code == .unhealthy)
        #expect(error.isPermanent)
        #expect(
            error.description.contains("its health check ends with code 3 and says: I feel bad"))
        #expect(error.description.contains("its last log lines:\nstarted"))
        #expect(
            error.description.contains("restored the old container \(service.name), which runs"))
        #expect(try await service.version() == "1")
        #expect(try await service.containers() == ["\(service.name) running"])
        try await service.host.run(["rm", "-f", service.name])
    }

    @Test("A container that exits or restarts rolls back to the old one")
    func exitedRollsBack() async throws {
        let service = try await TestService()
        let first = try await service.push("1")
        let second = try await service.push("2", [#"CMD ["/bin/sh","-c","echo no disk; exit 7"]"#])
        try await service.deploy(first, id: "r1")
        let error = try await failure {
            try await service.deploy(second, id: "r2", health: .init(settleSeconds: 20))
        }
        #expect(error.description.contains("ended with code 7"))
        #expect(error.description.contains("its last log lines:\nno disk"))
        #expect(try await service.version() == "1")
        // Also one that its restart policy restarts again and again.
        let again = try await failure {
            try await service.deploy(
                second, id: "r3", ["restart_policy": .object(["Name": .string("always")])],
                health: .init(settleSeconds: 20))
        }
        #expect(again.description.contains("does not stay up"), "\(again.description)")
        #expect(try await service.containers() == ["\(service.name) running"])
        try await service.host.run(["rm", "-f", service.name])
    }

    @Test("A taken port rolls back to the old container")
    func takenPortRollsBack() async throws {
        let service = try await TestService(1)
        let image = try await service.push("1")
        try await service.deploy(image, id: "r1")
        if try await !service.host.docker(["network", "inspect", service.host.network]).status
            .isSuccess
        {
            try await service.host.makeNetwork()
        }
        let (socket, port) = try LoopbackPort.listen()
        let listener = Descriptor(owning: socket)
        let error = try await failure {
            try await service.deploy(
                image, id: "r2",
                [
                    "network_mode": .string(service.host.network),
                    "ports": .object([
                        "80/tcp": .array([.string("127.0.0.1"), .int(Int64(port))])
                    ]),
                ])
        }
        #expect(listener.raw == socket)
        #expect(error.code == .unhealthy)
        #expect(error.isPermanent)
        #expect(error.description.contains("cannot start container \(service.name)"))
        #expect(error.description.contains("address already in use"), "\(error.description)")
        #expect(try await service.version() == "1")
        #expect(try await service.containers() == ["\(service.name) running"])
        try await service.host.run(["rm", "-f", service.name])
    }

    @Test("A stopped container is restored stopped") func stoppedStaysStopped() async throws {
        let service = try await TestService()
        let first = try await service.push("1")
        let second = try await service.push("2", [#"CMD ["/bin/nope"]"#])
        try await service.deploy(first, id: "r1")
        try await service.host.run(["stop", "--time", "1", service.name])
        let error = try await failure { try await service.deploy(second, id: "r2") }
        #expect(error.description.contains("/bin/nope"), "\(error.description)")
        #expect(try await service.containers() == ["\(service.name) exited"])
        try await service.host.run(["rm", "-f", service.name])
    }

    /// Somebody created a container of that name while ours was missing.
    @Test("A container that someone else created under the name is left alone")
    func foreignContainerIsKept() async throws {
        let service = try await TestService()
        let first = try await service.push("1")
        let second = try await service.push("2")
        try await service.deploy(first, id: "r1")
        let (host, name) = (service.host, service.name)
        _ = try await service.engine.pull(second, credentials: nil)
        let replacement = try service.replacement(second, id: "r2") { step in
            guard step == "create" else { return }
            try await host.run([
                "run", "--detach", "--name", name, "--network", "none", first.description,
            ])
        }
        let memory = try await replacement.previousState()
        let error = try await failure { try await replacement.run(memory) }
        #expect(error.code == .notReplaced)
        #expect(error.description.contains("is already in use"), "\(error.description)")
        #expect(error.description.contains("could not be restored"), "\(error.description)")
        #expect(
            try await service.containers()
                == ["\(name) running", "\(name).aibuild-old-r2 running"])
        try await service.host.run(["rm", "-f", name, "\(name).aibuild-old-r2"])
    }

    private struct Crash: Error {}

    /// The coordinator dies before each step in turn; the next one continues.
    @Test("A replacement resumes after a crash before any step")
    func replacementResumesAtAnyStep() async throws {
        let service = try await TestService(2)
        let versions = [
            try await service.push("1", Self.healthy), try await service.push("2", Self.healthy),
        ]
        for image in versions { _ = try await service.engine.pull(image, credentials: nil) }
        try await service.deploy(versions[0], id: "first")
        var current = 0
        for step in ["renameOld", "create", "stopOld", "start", "removeOld"] {
            let dying = try service.replacement(versions[1 - current], id: step) {
                if $0 == step { throw Crash() }
            }
            let memory = try await dying.previousState()
            #expect(memory.previousImage == versions[current].description)
            await #expect(throws: Crash.self) { try await dying.run(memory) }
            let next = try service.replacement(versions[1 - current], id: step)
            // Also when the saved state was lost: the old container has it.
            #expect(try await next.previousState().previousImage == memory.previousImage)
            try await next.run(memory)
            current = 1 - current
            #expect(try await service.version() == "\(current + 1)")
            #expect(try await service.containers() == ["\(service.name) running"])
        }
        try await service.host.run(["rm", "-f", service.name])
    }

    /// A release that is not retried is rolled back, whichever step it stopped at.
    @Test("A replacement is undone from any step, twice without harm")
    func replacementIsUndoneAtAnyStep() async throws {
        let service = try await TestService(2)
        let first = try await service.push("1")
        let second = try await service.push("2")
        _ = try await service.engine.pull(second, credentials: nil)
        try await service.deploy(first, id: "first")
        for step in ["renameOld", "create", "stopOld", "start", "removeOld"] {
            let dying = try service.replacement(second, id: step) {
                if $0 == step { throw Crash() }
            }
            let memory = try await dying.previousState()
            await #expect(throws: Crash.self) { try await dying.run(memory) }
            // Twice, because the coordinator may die here, too.
            try await dying.undo(memory)
            try await dying.undo(memory)
            #expect(try await service.version() == "1", "\(step)")
            #expect(try await service.containers() == ["\(service.name) running"])
        }
        let whole = try service.replacement(second, id: "whole")
        let memory = try await whole.previousState()
        try await whole.run(memory)
        try await whole.undo(memory)
        #expect(try await service.version() == "2")
        try await service.host.run(["rm", "-f", service.name])
    }
}
