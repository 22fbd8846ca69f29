import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import Testing

/// Releases over the API and on the page: which try it is, and what is left.
@Suite("Releases over the API") struct ReleaseRouteTests {
    private let farm: LeaderAPI

    init() async throws {
        farm = try await LeaderAPI()
        let made = try await farm.api.ask(
            "POST", "/api/v1/environments",
            #"{"name":"lab","settings":{"registry":{"url":"https://r"}},"unchecked":true}"#)
        #expect(made.status == 201)
    }

    /// It has failed, and the first try to clean up as well.
    private func addCleaningUp() async throws {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0),
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
        try await farm.leader.add(
            GuestOS(
                id: "g1", name: "debian12", type: .linux, distro: "", version: "", baseISO: "",
                template: .missing, owner: "o", createdMilliseconds: 0))
        let build = try await farm.leader.enqueue(
            NewBuild(
                id: "b1", guestOSID: "g1", guestOS: "debian12", priority: 0, owner: "o",
                plan: plan, updateContents: "", submittedMilliseconds: 0))
        var release = Release(
            id: "86c77daa-938e", build: build, environment: "lab", requestedBy: "anna",
            createdMilliseconds: 0)
        release.journal = ["image": "42"]
        release.attemptCount = 7
        release.uncountedAttempts = 6
        release.notBeforeMilliseconds = 1_764_000_120_000
        release.ending = .failed
        release.fault = RecordedFault(ReleaseFault(.rejected, "quota exceeded"))
        try await farm.leader.add(release)
    }

    @Test("A release that cleans up is told apart from one that waits, and named in short")
    func phases() async throws {
        try await addCleaningUp()
        for name in ["86c77daa-938e", "86c7", "debian12:1%40lab", "debian12:1@lab"] {
            let shown = try await farm.api.ask("GET", "/api/v1/releases/\(name)")
            #expect(shown.status == 200, "\(name)")
            for field in [
                #""state":"queued""#, #""phase":"cleaningUp""#, #""outcome":"failed""#,
                #""tryNumber":2"#, #""tryLimit":8"#, #""reference":"debian12:1@lab""#,
                #""leftBehind":["image: 42"]"#,
            ] { #expect(shown.text.contains(field), "\(field) in \(shown.text)") }
        }
        let page = try await farm.api.ask("GET", "/releases").text
        #expect(page.contains("failed, cleaning up"))
        #expect(page.contains("try 2 of 8 at 16:02 UTC; quota exceeded; to be taken back: image"))
    }

    @Test("A release is abandoned with the list of what it leaves")
    func abandon() async throws {
        try await addCleaningUp()
        let path = "/api/v1/releases/debian12:1@lab/abandon"
        let ended = try await farm.api.ask("POST", path, "{}")
        #expect(ended.status == 200)
        for field in [
            #""state":"failed""#, #""phase":"failed""#, #""leftBehind":["image: 42"]"#,
            #""abandonedBy":"local""#,
        ] { #expect(ended.text.contains(field), "\(field) in \(ended.text)") }
        #expect(!ended.text.contains("tryNumber"))
        #expect(try await farm.api.ask("POST", path, "{}").status == 409)
        let page = try await farm.api.ask("GET", "/releases").text
        #expect(page.contains("left there: image: 42; abandoned by local"))
    }

    @Test("An environment that is removed by force says what was abandoned")
    func forcedRemoval() async throws {
        let removed = try await farm.api.ask("DELETE", "/api/v1/environments/lab?force=true")
        #expect(removed.status == 200 && removed.text.contains(#""abandoned":[]"#))
        #expect(await farm.store.environments().isEmpty)
    }
}
