import BuildProtocol
import CoordinatorAPI
import CoordinatorCore
import HTTPTypes
import Testing

/// The policy of an environment over the API, and the approval of a release on the page.
@Suite("Release policies over the API") struct ReleasePolicyTests {
    private let farm: LeaderAPI
    private static let lab = "/api/v1/environments/lab"

    init() async throws { farm = try await LeaderAPI() }

    private func addRelease(
        guestOS: String = "debian12", number: Int = 7, _ state: ReleaseState = .awaitingApproval
    ) async throws {
        let plan = BuildPlan(
            template: TemplateArchive(sha256: "", sizeBytes: 0),
            recipe: BuildRecipe(builder: .packer(template: "t.json")),
            requirements: Requirements(), limits: AttemptLimits())
        let build = Build(
            id: "b\(number)", guestOSID: "g1", guestOS: guestOS, number: number, state: .passed,
            priority: 0,
            owner: "o", plan: plan, updateContents: "", submittedMilliseconds: 0)
        try await farm.leader.add(
            Release(
                id: "r\(number)", build: build, environment: "lab", state: state,
                requestedBy: "aibuild.yml", createdMilliseconds: 0))
    }

    private func addEnvironment(_ policy: String) async throws -> Answer {
        try await farm.api.ask(
            "POST", "/api/v1/environments",
            #"{"name":"lab","settings":{"registry":{"url":"https://r"}},"unchecked":true"#
                + policy + "}")
    }

    @Test("A policy is stored field by field, and shown")
    func policy() async throws {
        let made = try await addEnvironment(#","policy":{"images":["{guestos}-*"]}"#)
        #expect(made.status == 201)
        #expect(
            made.text.contains(
                #""policy":{"approval":false,"guestos":["*"],"images":["{guestos}-*"]}"#))
        let changed = try await farm.api.ask(
            "PUT", Self.lab,
            #"{"name":"lab","policy":{"guestos":["debian*"],"approval":true},"unchecked":true}"#)
        #expect(changed.status == 200)
        let shown = try await farm.api.ask("GET", Self.lab).text
        #expect(
            shown.contains(
                #""policy":{"approval":true,"guestos":["debian*"],"images":["{guestos}-*"]}"#))
        #expect(shown.contains(#""url":"https://r""#), "the settings are kept")
    }

    @Test("A policy that cannot be meant is refused with the field")
    func badPolicy() async throws {
        for (policy, why) in [
            (#"{"guestos":[]}"#, "guestos is empty"), (#"{"images":[""]}"#, "images contains"),
            (#"{"approval":"yes"}"#, "policy.approval"), (#"{"guestos":[1]}"#, "policy.guestos"),
        ] {
            let answer = try await addEnvironment(#","policy":\#(policy)"#)
            #expect(answer.status == 400 && answer.text.contains(why), "\(answer.text)")
        }
        #expect(await farm.store.environments().isEmpty)
        let empty = try await farm.api.ask("POST", "/api/v1/environments", #"{"name":"lab"}"#)
        #expect(empty.status == 400 && empty.text.contains("settings are missing"))
    }

    @Test("The approval of an image that is older than the present one is refused with what to do")
    func supersededApproval() async throws {
        _ = try await addEnvironment("")
        try await addRelease()
        try await addRelease(number: 8, .queued)
        var begun = ReleaseChange(release: "r8", from: [.queued], to: .running, atMilliseconds: 1)
        begun.begins = true
        _ = try await farm.leader.apply(begun)
        var done = ReleaseChange(
            release: "r8", from: [.running], attempt: 1, to: .released, atMilliseconds: 2)
        done.result = ReleaseResult(remoteID: "sha256:8")
        _ = try await farm.leader.apply(done)
        let answer = try await farm.api.ask("POST", "/api/v1/releases/r7/approve")
        #expect(answer.status == 409)
        #expect(
            answer.text.contains(
                "superseded: lab has debian12:8, which is newer. To release the older image all "
                    + "the same: aibuild release debian12:7 --to lab"), "\(answer.text)")
        #expect(await farm.store.release(id: "r7")?.state == .awaitingApproval)
    }

    @Test("An image name is given away, and its owner is shown")
    func names() async throws {
        _ = try await addEnvironment("")
        try await farm.leader.add(
            GuestOS(
                id: "g1", name: "debian12", type: .linux, distro: "", version: "", baseISO: "",
                template: .missing, owner: "o", createdMilliseconds: 0))
        func give(_ name: String, _ guestOS: String) async throws -> Int {
            try await farm.api.ask(
                "PUT", Self.lab + "/names", #"{"name":"\#(name)","guestOS":"\#(guestOS)"}"#
            ).status
        }
        #expect(try await give("gold", "debian12") == 200)
        #expect(try await give("a/b", "debian12") == 200)
        #expect(try await give("gold", "nobody") == 404)
        #expect(try await give("", "debian12") == 400)
        let all = try await farm.api.ask("GET", Self.lab + "/names").text
        #expect(
            all.contains(
                #"[{"guestOS":"debian12","name":"a/b"},{"guestOS":"debian12","name":"gold"}]"#))
        let first = try await farm.api.ask("GET", Self.lab + "/names?limit=1").text
        #expect(first.contains(#""next":"a/b""#))
        let rest = try await farm.api.ask("GET", Self.lab + "/names?after=a/b").text
        #expect(rest.contains("gold") && !rest.contains("a/b"))
        #expect(try await farm.api.ask("GET", "/api/v1/environments/none/names").status == 404)
    }

    @Test("A release that waits is refused with a reason, once")
    func refuse() async throws {
        try await addRelease()
        let path = "/api/v1/releases/r7/refuse"
        let refused = try await farm.api.ask("POST", path, #"{"reason":"old kernel"}"#)
        #expect(refused.status == 200)
        #expect(refused.text.contains(#""state":"refused""#))
        #expect(refused.text.contains("refused by local: old kernel"))
        #expect(try await farm.api.ask("POST", path, "{}").status == 409)
        #expect(try await farm.api.ask("POST", "/api/v1/releases/none/refuse").status == 404)
        let list = try await farm.api.ask("GET", "/api/v1/releases?state=refused").text
        #expect(list.contains(#""id":"r7""#))
    }

    @Test("The page has buttons for a release that waits, and for no other")
    func buttons() async throws {
        let name = "d\u{0600}<script>"
        _ = try await addEnvironment(#","policy":{"images":["<b>*"]}"#)
        try await addRelease(guestOS: name)
        let page = try await farm.api.ask("GET", "/releases").text
        #expect(page.contains("waiting for approval"))
        #expect(page.contains(#"data-post="/api/v1/releases/r7/approve""#))
        #expect(page.contains(#"data-post="/api/v1/releases/r7/refuse""#))
        #expect(page.contains("images: &lt;b&gt;*"))
        #expect(!page.contains("<script>") && !page.contains("<b>*"))
        _ = try await farm.api.ask("POST", "/api/v1/releases/r7/refuse", "{}")
        let after = try await farm.api.ask("GET", "/releases").text
        #expect(!after.contains("data-post") && after.contains("refused by local"))
    }
}
