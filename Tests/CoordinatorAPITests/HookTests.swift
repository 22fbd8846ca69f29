import CoordinatorCore
import HTTPTypes
import Support
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
}
