import CoordinatorCore
import DockerKit
import Glibc
import Support
import TestSupport
import Testing

@testable import CoordinatorAdapters

/// Releases to three real Docker engines that pull from a real registry.
struct DockerTargetTests {
    private let guest: ReleasedGuest
    private let hosts: [DockerHost]
    private let registry: RegistryServer
    private let target = DockerTarget(health: .init(limitSeconds: 30, settleSeconds: 0))

    private static let healthy = [
        DockerHost.service,
        #"HEALTHCHECK --interval=100ms --timeout=5s --retries=3 CMD ["/bin/test","-e","/version"]"#,
    ]

    init() async throws {
        guest = try ReleasedGuest()
        registry = try await RegistryServer.shared()
        var hosts: [DockerHost] = []
        for index in 0..<3 { hosts.append(try await DockerHost.shared(index)) }
        self.hosts = hosts
    }

    private var name: String { guest.name }
    private var repository: String { "\(registry.host)/apps/\(guest.name.lowercased())" }

    /// - Parameter containers: for each host, if it is not the default.
    private func settings(
        containers: [Int: String] = [:], ports: [Int: UInt16] = [:],
        certificates: [Int: String] = [:], registry named: String? = nil
    ) -> EnvironmentSettings {
        let usual = #"{"name": "\#(name)", "detach": true, "network_mode": "none"}"#
        let all = hosts.enumerated().map { index, host in
            DockerSettings.Host(
                name: "host\(index)", url: "https://127.0.0.1:\(ports[index] ?? host.port)",
                certificates: certificates[index] ?? host.certificates.folder,
                container: containers[index] ?? usual)
        }
        return .docker(
            DockerSettings(
                hosts: all, repository: "\(registry.host)/apps/{guestos}", registry: named))
    }

    private func push(_ order: ReleaseOrder, _ lines: [String] = healthy) async throws {
        try await hosts[0].push(
            "\(repository):\(order.build.imageName)", version: "\(order.build.number)",
            lines: lines)
    }

    private func version(_ index: Int) async throws -> String {
        try await hosts[index].run(["exec", name, "cat", "/version"])
    }

    private func versions() async throws -> [String] {
        var all: [String] = []
        for index in 0..<3 { all.append(try await version(index)) }
        return all
    }

    private func clean() async throws {
        for host in hosts { _ = try await host.docker(["rm", "--force", name]) }
    }

    @Test("A release replaces the container on every host, and a rollback restores it")
    func releaseAndRollback() async throws {
        let settings = settings()
        let orders = try [guest.order(1, settings), guest.order(2, settings)]
        for order in orders { try await push(order) }
        let first = try await target.release(orders[0], ReleaseNotes())
        #expect(first.remoteID.hasPrefix("\(repository)@sha256:"))
        #expect(try await versions() == ["1", "1", "1"])
        let notes = ReleaseNotes()
        let second = try await target.release(orders[1], notes)
        #expect(try await versions() == ["2", "2", "2"])
        #expect(second.notes.count == 3)
        // The pusher had the first image as well; nothing uses it now.
        for line in second.notes {
            #expect(line.contains("\(name) runs \(second.remoteID), removed "))
            #expect(line.contains(first.remoteID))
        }
        let back = ReleaseNotes()
        let result = try await target.rollBack(
            guest.order(2, settings, release: "back", journal: notes.journal), back)
        #expect(result.remoteID == first.remoteID)
        #expect(try await versions() == ["1", "1", "1"])
        try await clean()
    }

    /// The target's default times would take longer than the test.
    @Test("The settings say how long a container is watched") func healthSettings() async throws {
        let patient = DockerTarget(health: .init(limitSeconds: 9000, settleSeconds: 9000))
        guard case .docker(var settings) = settings() else { throw Failure("no Docker hosts") }
        settings.hosts = [settings.hosts[0]]
        settings.settleSeconds = 1
        settings.healthSeconds = 2
        let order = try guest.order(1, .docker(settings))
        try await push(order, [DockerHost.service])
        _ = try await patient.release(order, ReleaseNotes())
        #expect(try await version(0) == "1")
        let slow = try guest.order(2, .docker(settings))
        let starting = #"HEALTHCHECK --interval=1h --timeout=1h CMD ["/bin/sleep","9000"]"#
        try await push(slow, [DockerHost.service, starting])
        let error = try await fault { _ = try await patient.release(slow, ReleaseNotes()) }
        #expect(error.description.contains("was not healthy within 2 s"), "\(error)")
        #expect(try await version(0) == "1")
        try await clean()
    }

    @Test("An unreachable host does not stop the others") func unreachableHost() async throws {
        let proxy = try TCPProxy(to: hosts[1].port)
        let settings = settings(ports: [1: proxy.port])
        let orders = try [guest.order(1, settings), guest.order(2, settings)]
        for order in orders { try await push(order) }
        _ = try await target.release(orders[0], ReleaseNotes())
        proxy.set(.cut)
        let notes = ReleaseNotes()
        let error = try await fault { _ = try await target.release(orders[1], notes) }
        #expect(!error.isPermanent)
        #expect(error.description.hasPrefix("1 of 3 hosts failed\nhost1: "))
        #expect(error.description.contains("host0: \(name) runs "))
        #expect(try await versions() == ["2", "1", "2"])
        // The host is back: only this one is left to do.
        proxy.set(.open)
        let started = try await hosts[0].run(["inspect", "-f", "{{.Created}}", name])
        let again = try guest.order(2, settings, journal: notes.journal)
        _ = try await target.release(again, notes)
        #expect(try await versions() == ["2", "2", "2"])
        #expect(try await hosts[0].run(["inspect", "-f", "{{.Created}}", name]) == started)
        try await clean()
    }

    @Test("A host that fails gets its old container back") func failureRestoresContainer()
        async throws
    {
        let settings = settings(containers: [
            2: #"{"name": "\#(name)", "network_mode": "none", "command": ["/bin/nope"]}"#
        ])
        let good = self.settings()
        try await push(guest.order(1, good))
        _ = try await target.release(guest.order(1, good), ReleaseNotes())
        try await push(guest.order(2, settings))
        let notes = ReleaseNotes()
        let error = try await fault {
            _ = try await target.release(guest.order(2, settings), notes)
        }
        #expect(error.isPermanent)
        #expect(error.description.contains("host2: cannot start container \(name)"))
        #expect(error.description.contains("restored the old container \(name), which runs"))
        #expect(try await versions() == ["2", "2", "1"])
        // Nothing is half done, and another attempt does not interrupt the service again.
        let order = try guest.order(2, settings, journal: notes.journal)
        let started = try await hosts[2].run(["inspect", "-f", "{{.State.StartedAt}}", name])
        _ = try await fault { _ = try await target.release(order, notes) }
        try await target.abandon(order, notes)
        #expect(try await versions() == ["2", "2", "1"])
        #expect(try await hosts[2].run(["inspect", "-f", "{{.State.StartedAt}}", name]) == started)
        try await clean()
    }

    /// The coordinator dies after each record in turn, and is called again with the journal.
    @Test("A release resumes after a crash") func resumesAfterCrash() async throws {
        let settings = settings()
        for number in 1...2 { try await push(guest.order(number, settings)) }
        let first = ReleaseNotes()
        _ = try await target.release(guest.order(1, settings), first)
        // The image, then "begun" and "done" of each host.
        #expect(first.records == 7)
        for crash in 1...6 {
            let number = 1 + crash % 2
            let id = "crash\(crash)"
            let notes = ReleaseNotes()
            notes.crash(afterRecords: crash)
            do {
                _ = try await target.release(guest.order(number, settings, release: id), notes)
                Issue.record("did not crash")
            } catch {}
            notes.crash(afterRecords: nil)
            _ = try await target.release(
                guest.order(number, settings, release: id, journal: notes.journal), notes)
            #expect(try await versions() == Array(repeating: "\(number)", count: 3))
            // A rollback now finds the container that was there before.
            for index in 0..<3 {
                let entry = HostEntry(notes.journal["host.host\(index)"])
                #expect(entry?.state == .done)
                #expect(entry?.memory?.wasRunning == true)
                #expect(entry?.memory?.previousImage?.hasPrefix("\(repository)@") == true)
            }
        }
        try await clean()
    }

    /// The coordinator dies before each step on the hosts in turn, and the release is retried or
    /// given up.
    @Test(
        "A crash between any two steps loses no container", arguments: [true, false])
    func crashBetweenAnySteps(_ isTriedAgain: Bool) async throws {
        let settings = settings()
        for number in 1...2 { try await push(guest.order(number, settings)) }
        _ = try await target.release(guest.order(1, settings), ReleaseNotes())
        var current = 1
        for step in ["renameOld", "create", "stopOld", "start", "removeOld"] {
            let dying = DockerTarget(health: .init(limitSeconds: 30, settleSeconds: 0)) {
                if $0.name != "host2", $1 == step { throw ReleaseNotes.Crash() }
            }
            let other = 3 - current
            let notes = ReleaseNotes()
            let error = try await fault {
                _ = try await dying.release(guest.order(other, settings, release: step), notes)
            }
            #expect(!error.isPermanent)
            #expect(error.description.hasPrefix("2 of 3 hosts failed"))
            let order = try guest.order(
                other, settings, release: step, journal: notes.journal)
            if isTriedAgain {
                _ = try await target.release(order, notes)
                current = other
                #expect(try await versions() == Array(repeating: "\(current)", count: 3))
            } else {
                try await target.abandon(order, notes)
                // What was done stays done.
                #expect(try await versions() == ["\(current)", "\(current)", "\(other)"])
                _ = try await target.release(
                    guest.order(current, settings, release: "\(step)-back"), ReleaseNotes())
            }
            for host in hosts {
                let all = try await host.run([
                    "ps", "--all", "--filter", "name=^\(name)", "--format", "{{.Names}}",
                ])
                #expect(all == "\(name)\n", "\(step)")
            }
        }
        try await clean()
    }

    @Test("The image is pushed to the registry environment first") func pushesToRegistryFirst()
        async throws
    {
        // A disk is not a program: what runs depends on the definition, and here it cannot start.
        let settings = settings(
            containers: [
                0: #"{"name": "\#(name)", "network_mode": "none", "command": ["/disk/x"]}"#
            ], registry: "store")
        let store = ReleaseEnvironment(
            id: "s", name: "store",
            settings: .registry(RegistrySettings(url: registry.url, repository: "apps/{guestos}")),
            createdMilliseconds: 0)
        let notes = ReleaseNotes(environments: ["store": (store, nil)])
        let error = try await fault {
            _ = try await target.release(guest.order(1, settings), notes)
        }
        #expect(error.description.contains("host0: cannot start container \(name)"))
        #expect(error.description.contains("/disk/x"))
        #expect(notes.journal["image"]?.hasPrefix("\(repository)@sha256:") == true)
        #expect(
            try await Registry(url: registry.url).repository("apps/\(name.lowercased())").tags()
                == ["\(name)x86_64_20260101_1"])
        try await clean()
    }

    @Test("An image that was not pushed is reported once") func missingImageIsReportedOnce()
        async throws
    {
        let error = try await fault {
            _ = try await target.release(guest.order(1, settings()), ReleaseNotes())
        }
        #expect(error.isPermanent)
        #expect(error.description.hasPrefix("host0: cannot pull \(repository):\(name)x86_64"))
        #expect(!error.description.contains("host1"))
        let given = try await fault {
            _ = try await target.release(
                guest.order(1, settings(), properties: ["docker_image": "Not An Image"]),
                ReleaseNotes())
        }
        #expect(given.description.contains("'Not An Image' is not an image"))
    }

    @Test("The check finds what would fail a release") func check() async throws {
        let environment = { (settings: EnvironmentSettings) in
            ReleaseEnvironment(id: "e", name: "env", settings: settings, createdMilliseconds: 0)
        }
        let port = try LoopbackPort.free()
        let findings = try await target.check(environment(settings(ports: [2: port])), nil)
        #expect(findings.map(\.level) == [.ok, .ok, .warning])
        #expect(findings[0].text.hasPrefix("host0: Docker 2"))
        #expect(findings[0].text.contains("container \(name) is not there yet"))
        #expect(findings[2].text.contains("host2: cannot use Docker on 127.0.0.1:\(port)"))

        // A folder with a certificate of another authority.
        let folder = try TemporaryFolder()
        let own = hosts[1].certificates.folder
        for (from, to) in [("ca", "ca"), ("stranger", "cert"), ("stranger-key", "key")] {
            guard symlink("\(own)/\(from).pem", "\(folder.path)/\(to).pem") == 0 else {
                throw SystemError.last("symlink")
            }
        }
        let stranger = try await fault {
            _ = try await target.check(environment(settings(certificates: [1: folder.path])), nil)
        }
        #expect(stranger.isPermanent)
        #expect(stranger.description.contains("does not let us in"))
        let missing = try await fault {
            _ = try await target.check(environment(settings(certificates: [1: "/nowhere"])), nil)
        }
        #expect(missing.description.contains("host1: there is no /nowhere/ca.pem"))
        let wrong = try await fault {
            _ = try await target.check(
                environment(settings(containers: [0: #"{"name":"app","port":{}}"#])), nil)
        }
        #expect(wrong.description.contains("host0: its container definition: unknown key"))
        #expect(wrong.description.contains("did you mean 'ports'?"))
    }
}
