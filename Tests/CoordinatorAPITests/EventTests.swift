import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import FoundationEssentials
import HTTPTypes
import Testing

/// Live events, read piece by piece without a socket. The clock of these tests has every heartbeat
/// due at once, so a stream without news says that it is still there.
@Suite("Live events") struct EventTests {
    private let farm: LeaderAPI
    private static let path = "/api/v1/releases/r1"

    init() async throws { farm = try await LeaderAPI() }

    private func addRelease() async throws {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0),
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
        let build = Build(
            id: "b1", guestOSID: "g1", guestOS: "debian12", number: 7, state: .passed, priority: 0,
            owner: "o", plan: plan, updateContents: "", submittedMilliseconds: 0)
        try await farm.leader.add(
            Release(
                id: "r1", build: build, environment: "lab", state: .awaitingApproval,
                requestedBy: "admin", createdMilliseconds: 0))
    }

    @Test("A follower of a release sees each state once, then the end")
    func followsARelease() async throws {
        try await addRelease()
        let stream = try await farm.api.ask("GET", Self.path + "/events").stream()
        let state = try #require(await stream.next())
        #expect(state.hasPrefix("event: state\nid: "))
        #expect(state.contains(#""state":"awaitingApproval""#))
        #expect(await stream.next() == ": still here\n\n")
        #expect(try await farm.api.ask("POST", Self.path + "/cancel", "{}").status == 202)
        let end = try #require(await stream.next())
        #expect(end.hasPrefix("event: end\ndata: {"))
        #expect(end.contains(#""state":"cancelled""#))
        #expect(await stream.next() == nil)
    }

    @Test("A follower that reconnects gets only what it has not seen", arguments: [true, false])
    func goesOnAfterAReconnect(inHeader: Bool) async throws {
        try await addRelease()
        let first = try await farm.api.ask("GET", Self.path + "/events").stream()
        let state = try #require(await first.next())
        let id = String(state.split(separator: "\n")[1].dropFirst("id: ".count))
        func reconnect() async throws -> EventStream {
            if inHeader {
                return try await farm.api.ask(
                    "GET", Self.path + "/events", headers: ["Last-Event-ID": id]
                ).stream()
            }
            return try await farm.api.ask("GET", Self.path + "/events?from=\(id)").stream()
        }
        #expect(try await reconnect().next() == ": still here\n\n")
        _ = try await farm.api.ask("POST", Self.path + "/cancel", "{}")
        #expect(try await reconnect().next()?.hasPrefix("event: end\n") == true)
    }

    @Test("The events of an unknown release are not found")
    func refusesAnUnknownRelease() async throws {
        #expect(try await farm.api.ask("GET", "/api/v1/releases/none/events").status == 404)
    }

    @Test("An idle farm has one event, then heartbeats") func anIdleFarmIsQuiet() async throws {
        let stream = try await farm.api.ask("GET", "/api/v1/events").stream()
        #expect(await stream.next() == "event: changed\ndata: {}\n\n")
        for _ in 0..<3 { #expect(await stream.next() == "event: alive\ndata: {}\n\n") }
    }
}
