import BuildProtocol
import CoordinatorCore
import CoordinatorService
import Synchronization
import TestSupport
import Testing

/// A Git server that keeps the statuses it is sent, or fails.
final class FakeStatusSender: CommitStatusSender {
    private let state = Mutex<(sent: [CommitStatus], fault: StatusFault?, tries: Int)>(([], nil, 0))

    var sent: [CommitStatus] { state.withLock(\.sent) }
    var tries: Int { state.withLock(\.tries) }
    func fail(_ fault: StatusFault?) { state.withLock { $0.fault = fault } }

    func send(
        _ status: CommitStatus, to kind: ReportKind, server: String, token: Secret
    ) async throws {
        try state.withLock { state in
            state.tries += 1
            if let fault = state.fault { throw fault }
            state.sent.append(status)
        }
    }
}

/// The states of builds beside their commits.
@Suite(.timeLimit(.minutes(1))) struct CommitStatusTests {
    private func withFarm(
        hosts: Int = 1, _ body: (TestFarm, Coordinator, FakeStatusSender) async throws -> Void
    ) async throws {
        let farm = try await TestFarm(hosts: hosts, templateServer: FakeTemplateServer())
        let sender = FakeStatusSender()
        let coordinator = try await coordinator(farm, sender)
        do {
            try await farm.connected(coordinator)
            _ = try await coordinator.leading().guestOSes.register(
                GuestOSForm(name: "a", type: .linux), by: "anna")
            try await body(farm, coordinator, sender)
        } catch {
            await coordinator.stop()
            throw error
        }
        await coordinator.stop()
    }

    private func coordinator(
        _ farm: TestFarm, _ sender: FakeStatusSender
    ) async throws -> Coordinator {
        var ports = farm.ports
        ports.statusSender = sender
        ports.pages = "http://farm"
        ports.hooks[0].token = Secret("t")
        let coordinator = Coordinator(ports: ports)
        try await coordinator.lead(farm.epoch)
        return coordinator
    }

    private static let push = GitReport(
        .push, project: "aibuild/a_tpl", ref: "main", commit: "c0ffee", defaultBranch: "main")

    @Test("A build's states are sent with links, and one that no hook started has none")
    func states() async throws {
        try await withFarm(hosts: 0) { farm, coordinator, sender in
            _ = try await farm.submit(coordinator)
            _ = try await farm.deliver(Self.push, coordinator)
            let build = try #require(try await farm.store.build(guestOS: "a", number: 1))
            let pending = try await eventually("it is pending") { sender.sent.last }
            #expect(pending.state == .pending && pending.context == "aibuild/a")
            #expect(pending.commit == "c0ffee" && pending.project == "aibuild/a_tpl")
            #expect(pending.url == "http://farm/builds/\(build.id)")
            #expect(pending.description.hasPrefix("a:1 waits: "), "\(pending.description)")
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            let last = try await eventually("it is cancelled") {
                sender.sent.last.flatMap { $0.state == .cancelled ? $0 : nil }
            }
            #expect(last.description == "a:1: cancelled by anna")
            #expect(sender.sent.allSatisfy { $0.context == "aibuild/a" })
        }
    }

    @Test("A server that is away is tried again with the newest state, a refusal is final")
    func faults() async throws {
        try await withFarm(hosts: 0) { farm, coordinator, sender in
            sender.fail(StatusFault(.unavailable, "away"))
            _ = try await farm.deliver(Self.push, coordinator)
            try await eventually("it was tried") { sender.tries > 0 }
            let build = try #require(try await farm.store.build(guestOS: "a", number: 1))
            _ = try await coordinator.leading().cancellation.cancel(build, by: "anna")
            sender.fail(nil)
            try await eventually("the newest state is sent") {
                await farm.clock.advance(milliseconds: 5_000)
                return sender.sent.last?.state == .cancelled
            }
            sender.fail(StatusFault("no right"))
            farm.templates.commit("c1")
            var next = Self.push
            next.commit = "c1"
            let tries = sender.tries
            _ = try await farm.deliver(next, coordinator)
            try await eventually("it was tried") { sender.tries > tries }
            try await eventually("nothing is due any more") {
                await farm.clock.advance(milliseconds: 60_000)
                let now = farm.clock.unixMilliseconds()
                return try await farm.store.dueStatuses(atMilliseconds: now, limit: 9).isEmpty
            }
        }
    }

    @Test("A push of a broken template fails, and its commit shows why")
    func broken() async throws {
        try await withFarm(hosts: 0) { farm, coordinator, sender in
            farm.templates.fail(TemplateFault("aibuild.yml:3:1: unknown key 'x'"))
            let failed = try await farm.deliver(Self.push, coordinator)
            #expect(failed.state == .failed)
            #expect(failed.outcome == "aibuild.yml:3:1: unknown key 'x'")
            let shown = try await eventually("the commit shows it") { sender.sent.last }
            #expect(shown.state == .failed && shown.context == "aibuild/a")
            #expect(shown.commit == "c0ffee" && shown.description == failed.outcome)
        }
    }

    @Test("A broken template is shown as soon as the Git server is back, also by the next leader")
    func brokenLater() async throws {
        try await withFarm(hosts: 0) { farm, coordinator, sender in
            farm.templates.fail(TemplateFault("aibuild.yml:3:1: unknown key 'x'"))
            sender.fail(StatusFault(.unavailable, "away"))
            _ = try await farm.deliver(Self.push, coordinator)
            try await eventually("it was tried") { sender.tries > 0 }
            await coordinator.stop()
            sender.fail(nil)
            let heir = try await self.coordinator(farm, sender)
            let shown = try await eventually("the commit shows it") {
                await farm.clock.advance(milliseconds: 5_000)
                return sender.sent.last
            }
            await heir.stop()
            #expect(shown.state == .failed && shown.context == "aibuild/a")
            #expect(shown.commit == "c0ffee")
        }
    }

    @Test("The red of a broken template does not cover a later build of its commit")
    func mended() async throws {
        try await withFarm(hosts: 0) { farm, coordinator, sender in
            farm.templates.fail(TemplateFault("aibuild.yml:3:1: unknown key 'x'"))
            sender.fail(StatusFault(.unavailable, "away"))
            _ = try await farm.deliver(Self.push, coordinator)
            try await eventually("it was tried") { sender.tries > 0 }
            farm.templates.fail(nil)
            farm.templates.commit("c0ffee")
            _ = try await farm.deliver(Self.push, coordinator)
            sender.fail(nil)
            try await eventually("nothing is due any more") {
                await farm.clock.advance(milliseconds: 5_000)
                let now = farm.clock.unixMilliseconds() + 3_600_000
                return try await farm.store.dueStatuses(atMilliseconds: now, limit: 9).isEmpty
            }
            #expect(!sender.sent.isEmpty && sender.sent.allSatisfy { $0.state == .pending })
        }
    }

    @Test("While a build waits, its pending status follows the reason, at a bounded rate")
    func reasons() async throws {
        try await withFarm { farm, coordinator, sender in
            let hosts = try coordinator.leading().hosts
            func pass(_ seconds: Int) async {
                for _ in 0..<seconds / 5 {
                    await farm.clock.advance(milliseconds: 5_000, turns: 50)
                }
            }
            _ = try await hosts.drain("h0", note: "new disks", by: "anna")
            _ = try await farm.deliver(Self.push, coordinator)
            let first = try await eventually("it is pending") { sender.sent.last }
            #expect(first.state == .pending)
            await pass(120)
            #expect(sender.sent.count == 1, "the same reason is sent once")
            try await hosts.remove("h0", by: "anna")
            let second = try await eventually("the new reason is shown") {
                await farm.clock.advance(milliseconds: 5_000)
                return sender.sent.count == 2 ? sender.sent.last : nil
            }
            #expect(second.state == .pending && second.description != first.description)
            _ = try await hosts.add(
                name: "h0", address: "aibuild@h0:22", hostKey: "ssh-ed25519 AAAA", by: "anna")
            _ = try await hosts.drain("h0", by: "anna")
            await pass(60)
            #expect(sender.sent.count == 2, "the next one waits longer")
            try await eventually("the newest reason is shown") {
                await farm.clock.advance(milliseconds: 5_000)
                return sender.sent.count == 3
            }
        }
    }

    @Test("A status has one line of at most 140 bytes, with the first error")
    func lines() throws {
        var build = Build(
            id: "b", guestOSID: "o", guestOS: "a", number: 7, state: .failed, priority: 0,
            owner: "o",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0), commit: "c0ffee",
                recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
                limits: AttemptLimits()), updateContents: "", submittedMilliseconds: 0)
        #expect(CommitStatus(build, waiting: nil, pages: nil) == nil)
        build.plan.origin = BuildOrigin(kind: .push, hook: "h", project: "p", ref: "main")
        build.fault = Fault(
            .template, .templateInvalid,
            "E: Unable to locate package foo " + String(repeating: "ä", count: 99) + "\nmore")
        let status = try #require(CommitStatus(build, waiting: nil, pages: nil))
        #expect(status.description.hasPrefix("a:7 failed: E: Unable to locate package foo"))
        #expect(status.description.utf8.count <= 140 && !status.description.contains("\n"))
        #expect(status.url == nil && status.state == .failed && status.ref == "main")
    }
}
