import CoordinatorCore
import HTTPTypes
import Support
import TestSupport
import Testing

@testable import CoordinatorAPI

/// Reports of GitLab, as its documentation shows them, and what else may come with its secret.
@Suite("Webhooks") struct HookTests {
    private func read(_ body: String, event: String = "Push Hook") throws -> Result<Push, Failure> {
        HookRoutes.push(
            try HTTPRequest(
                method: "POST", target: HookRoutes.gitLabPath,
                headers: ["Content-Type": "application/json", "X-Gitlab-Event": event],
                body: Array(body.utf8)))
    }

    private func report(_ extra: String, kind: String = "push", ref: String = "refs/heads/main")
        -> String
    {
        #"{"object_kind":"\#(kind)","ref":"\#(ref)","after":"c0ffee","checkout_sha":"c0ffee","#
            + #""project":{"path_with_namespace":"g/a","default_branch":"main"}\#(extra)}"#
    }

    @Test("A push of a branch and one of a tag are read") func pushes() throws {
        let push = try read(report("")).get()
        #expect(push == Push(project: "g/a", ref: "main", commit: "c0ffee", defaultBranch: "main"))
        let tag = try read(report("", kind: "tag_push", ref: "refs/tags/v/1")).get()
        #expect(tag.ref == "v/1")
    }

    @Test(
        "What starts no build has a reason",
        arguments: [
            ("", "not a report"), ("[]", "not a report"), ("{}", "not a report"),
            ("{", "not a report"), (#"{"object_kind":7}"#, "Push Hook events start no build"),
            (#"{"object_kind":"pipeline"}"#, "pipeline events start no build"),
            (#"{"event_name":"project_create"}"#, "project_create events start no build"),
            (#"{"object_kind":"push"}"#, "does not say what was pushed"),
            (
                #"{"object_kind":"push","ref":"refs/heads/x","after":"0000","#
                    + #""project":{"path_with_namespace":"g/a"}}"#, "x was deleted"
            ),
            (
                #"{"object_kind":"push","ref":"refs/keep-around/x","after":"a","#
                    + #""project":{"path_with_namespace":"g/a"}}"#, "neither a branch nor a tag"
            ),
        ])
    func ignored(body: String, reason: String) throws {
        guard case .failure(let why) = try read(body) else { throw Failure("read: \(body)") }
        #expect(why.description.contains(reason), "\(why)")
    }

    @Test(
        "A push that wants no pipeline is skipped",
        arguments: [
            (#""push_options":{"ci":{"skip":true}}"#, "ci.skip"),
            (#""push_options":{"integrations":{"skip_ci":true}}"#, "integrations.skip_ci"),
            (#""commits":[{"id":"c0ffee","message":"typo [CI Skip]\n"}]"#, "[CI Skip]"),
            (#""commits":[{"id":"c0ffee","message":"x\n\n[skip-ci]"}]"#, "[skip-ci]"),
            (#""commits":[{"id":"c0ffee","message":"x [skip ci] "},{"id":"b"}]"#, "[skip ci]"),
            (#""push_options":{"ci":{"skip":false,"variable":{"A=1":1}}}"#, nil),
            (#""push_options":null,"commits":[]"#, nil),
            (#""commits":[{"id":"b","message":"[ci skip]"},{"id":"c0ffee","message":"y"}]"#, nil),
            (#""commits":[{"id":"c0ffee","message":"ci skip"}]"#, nil),
        ])
    func skipped(fields: String, skip: String?) throws {
        #expect(try read(report("," + fields)).get().skip == skip)
    }

    @Test("A report that is too large to be read is ignored, other requests are refused")
    func oversized() async throws {
        let api = try await API.leading()
        func answer(_ path: String) throws -> HTTPResponse? {
            api.response(toOversized: try HTTPRequest(method: "POST", target: path))
        }
        let hook = try #require(try answer(HookRoutes.gitLabPath))
        let text = Answer(status: hook.status, headers: hook.headers, body: hook.body).text
        #expect(hook.status == 200)
        #expect(text.hasPrefix(#"{"ignored":"the report is too large"#), "\(text)")
        #expect(try answer("/api/v1/import") == nil)
    }

    private func ask(
        _ api: API, _ body: String, secret: String? = StillServer.secret, isStranger: Bool = true
    ) async throws -> Answer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/json", "X-Gitlab-Event": "Push Hook",
        ]
        if let secret { headers.set("X-Gitlab-Token", secret) }
        return try await api.ask(
            "POST", HookRoutes.gitLabPath, body, headers: headers, isStranger: isStranger)
    }

    /// GitLab switches a hook off that answers with an error, for other projects as well.
    @Test("Whatever carries the hook's secret is answered with 200 and the reason")
    func answers() async throws {
        let store = InMemoryStore()
        let epoch = try await store.lead()
        let api = try await API.leading(store, epoch: epoch, templateServer: StillServer())
        for (name, ref) in [("a", "main"), ("b", "stable")] {
            try await store.leading(epoch).add(
                GuestOS(
                    id: name, name: name, type: .linux, distro: "", version: "", baseISO: "",
                    template: .git(url: "https://git/g/\(name).git", ref: ref), owner: "o",
                    createdMilliseconds: 0))
        }
        let deleted = report("").replacing("c0ffee", with: "000000")
        let skipped = #","commits":[{"id":"c0ffee","message":"x [ci skip]"}]"#
        let cases: [(body: String, reason: String)] = [
            ("", "the request is not a report of GitLab (Push Hook) in JSON"),
            ("[]", "the request is not a report of GitLab (Push Hook) in JSON"),
            ("{\"object_kind\":", "the request is not a report of GitLab (Push Hook) in JSON"),
            (#"{"object_kind":"pipeline"}"#, "pipeline events start no build"),
            (deleted, "main was deleted"),
            (
                report("").replacing("g/a", with: "g/other"),
                "no guest OS has its template in g/other"
            ),
            (report("").replacing("g/a", with: "g/b"), "b is built from stable, not from main"),
            (report(skipped), "the push says [ci skip]"),
            // Its template cannot be read: also nothing that GitLab can help.
            (report(""), "no template"),
        ]
        for (body, reason) in cases {
            let answer = try await ask(api, body)
            #expect(answer.status == 200, "\(body)")
            let said = answer.text.replacing("\\/", with: "/")
            #expect(said == #"{"ignored":"\#(reason)"}"#, "\(body)")
        }
        #expect(await store.builds(BuildFilter(), limit: 9).isEmpty)
        for secret in [nil, "", "another"] {
            #expect(try await ask(api, report(""), secret: secret).status == 401)
        }
    }

    @Test("A hook that stayed without a GitLab server is told so, and everybody else is refused")
    func noServer() async throws {
        let api = try await API.leading()
        for (secret, isStranger) in [(StillServer.secret, true), (nil, false)] {
            let answer = try await ask(api, report(""), secret: secret, isStranger: isStranger)
            #expect(answer.status == 200)
            #expect(answer.text.contains("no GitLab server is configured"), "\(answer.text)")
        }
        #expect(try await ask(api, report(""), secret: nil).status == 401)
    }
}
