import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Testing

/// What builds failed of, as the API and the page show it.
@Suite("Failures by the API") struct FailureRouteTests {
    private let farm: LeaderAPI

    private static let plan = BuildPlan(
        template: TemplateArchive(sha256: String(repeating: "a", count: 64), sizeBytes: 1),
        recipe: BuildRecipe(builder: .packer(template: "t.json")),
        requirements: Requirements(), limits: AttemptLimits())

    init() async throws {
        farm = try await LeaderAPI()
        try await farm.leader.add(
            GuestOS(
                id: "g1", name: "debian12", type: .linux, distro: "", version: "", baseISO: "",
                template: .missing, owner: "o", createdMilliseconds: 0))
        for (number, id) in [(UInt64(1), "b1"), (2, "b2")] {
            let time = Int64(number) * 10_000
            let token = AttemptToken(high: 0, low: number)
            _ = try await farm.leader.enqueue(
                NewBuild(
                    id: id, guestOSID: "g1", guestOS: "debian12", priority: 0, owner: "o",
                    plan: Self.plan, updateContents: "", submittedMilliseconds: time))
            _ = try await farm.leader.apply(
                BuildChange(
                    build: id, from: [.queued], owner: nil, to: .building, atMilliseconds: time,
                    begin: Attempt(
                        token: token, build: id, ordinal: 1, host: "kvm<7>",
                        startedMilliseconds: time)))
            let fault = Fault(.template, .packerFailed, "E: no foo-\(number) <b>")
            _ = try await farm.leader.apply(
                BuildChange(
                    build: id, from: [.building], owner: token, to: .failed,
                    atMilliseconds: time + 1, end: AttemptEnd(outcome: Outcome(fault: fault)),
                    fault: fault))
        }
    }

    @Test("Failures are listed by their first error, with counts by host")
    func list() async throws {
        let all = try await farm.api.ask("GET", "/api/v1/failures?since=1970-01-01")
        #expect(all.status == 200)
        #expect(all.text.contains(#""text":"E: no foo-# <b>""#), "\(all.text)")
        #expect(all.text.contains(#""count":2"#) && all.text.contains(#""lastBuild":"debian12:2""#))
        let late = "/api/v1/failures?guestos=debian12&since=1970-01-01T00:00:15Z"
        #expect(try await farm.api.ask("GET", late).text.contains(#""count":1"#))
        #expect(try await farm.api.ask("GET", "/api/v1/failures?since=soon").status == 400)
        #expect(try await farm.api.ask("GET", "/api/v1/failures?guestos=none").status == 404)
    }

    @Test("A failed build says how often its first error was met until then")
    func build() async throws {
        let second = try await farm.api.ask("GET", "/api/v1/builds/b2").text
        #expect(
            second.contains(", all on kvm<7>"), "\(second)"
        )
        let first = try await farm.api.ask("GET", "/api/v1/builds/b1").text
        #expect(first.contains("this first error for the first time"), "\(first)")
        let page = try await farm.api.ask("GET", "/builds/b2").text
        #expect(page.contains("Same first error 2 times since "), "\(page)")
        #expect(!page.contains("kvm<7>"))
    }
}
