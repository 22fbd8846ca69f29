import CoordinatorCore
import Testing

/// Reports as the documentation of each Git server shows them, cut to what matters, and what else
/// may come in their place.
@Suite("Reports of Git servers") struct GitReportTests {
    private func read(
        _ kind: ReportKind, _ event: String, _ body: String
    ) -> Result<[GitReport], UnusedReport> {
        do throws(UnusedReport) {
            return .success(try kind.reports(Array(body.utf8), event: event))
        } catch { return .failure(error) }
    }

    private func reason(_ kind: ReportKind, _ event: String, _ body: String) -> String? {
        guard case .failure(let why) = read(kind, event, body) else { return nil }
        return why.description
    }

    // MARK: GitLab

    private func gitLab(_ extra: String = "", kind: String = "push", ref: String = "heads/main")
        -> String
    {
        #"{"object_kind":"\#(kind)","ref":"refs/\#(ref)","after":"c0ffee","#
            + #""project":{"path_with_namespace":"g/a","default_branch":"main"}\#(extra)}"#
    }

    @Test("GitLab: a push of a branch and one of a tag, also by a system hook")
    func gitLabPushes() throws {
        let push = GitReport(
            .push, project: "g/a", ref: "main", commit: "c0ffee", defaultBranch: "main")
        #expect(try read(.gitlab, "Push Hook", gitLab()).get() == [push])
        let system = gitLab().replacing("object_kind", with: "event_name")
        #expect(try read(.gitlab, "System Hook", system).get() == [push])
        let tag = gitLab(kind: "tag_push", ref: "tags/v/1")
        let tagged = GitReport(
            .tag, project: "g/a", ref: "v/1", commit: "c0ffee", defaultBranch: "main")
        #expect(try read(.gitlab, "Tag Push Hook", tag).get() == [tagged])
    }

    @Test(
        "GitLab: what starts no build has a reason",
        arguments: [
            ("", "not a report of GitLab (Push Hook) in JSON"), ("[]", "not a report"),
            ("{\"object_kind\":", "not a report"), (#"{"object_kind":7}"#, "not a report"),
            ("{}", "Push Hook events start no build"),
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
            (
                #"{"object_kind":"push","ref":"refs/heads/a..b","after":"a","#
                    + #""project":{"path_with_namespace":"g/a"}}"#, "is no name of a ref"
            ),
            (
                #"{"object_kind":"push","ref":"refs/heads/--x","after":"a","#
                    + #""project":{"path_with_namespace":"g/a"}}"#, "is no name of a ref"
            ),
            (
                #"{"object_kind":"push","ref":"refs/heads/x","after":"--upload-pack","#
                    + #""project":{"path_with_namespace":"g/a"}}"#, "does not name a commit"
            ),
        ])
    func gitLabIgnored(body: String, reason: String) {
        let said = self.reason(.gitlab, "Push Hook", body) ?? "read"
        #expect(said.contains(reason), "\(said)")
    }

    @Test(
        "GitLab: a push that wants no pipeline is skipped",
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
    func gitLabSkipped(fields: String, skip: String?) throws {
        let reports = try read(.gitlab, "Push Hook", gitLab("," + fields)).get()
        #expect(reports.first?.skip == skip)
    }

    private func gitLabRequest(_ action: String, source: Int = 1, _ extra: String = "") -> String {
        #"{"object_kind":"merge_request","project":{"path_with_namespace":"g/a"},"#
            + #""object_attributes":{"iid":7,"title":"x","action":"\#(action)","#
            + #""target_branch":"main","source_project_id":\#(source),"target_project_id":1,"#
            + #""last_commit":{"id":"d00d","message":"y"}\#(extra)}}"#
    }

    @Test("GitLab: merge requests, their new commits, those of forks, and closed ones")
    func gitLabRequests() throws {
        let event = "Merge Request Hook"
        let opened = try read(.gitlab, event, gitLabRequest("open")).get()
        #expect(
            opened == [
                GitReport(
                    .mergeRequest, project: "g/a", ref: "main", commit: "d00d",
                    mergeRequest: GitReport.MergeRequest(
                        number: 7, title: "x", isForeign: false,
                        fetchedRef: "refs/merge-requests/7/head"))
            ])
        let fork = try read(.gitlab, event, gitLabRequest("open", source: 2)).get()
        #expect(fork.first?.mergeRequest?.isForeign == true)
        let pushed = gitLabRequest("update", #","oldrev":"abc""#)
        #expect(try read(.gitlab, event, pushed).get().first?.change == .mergeRequest)
        #expect(reason(.gitlab, event, gitLabRequest("update"))?.contains("no new commits") == true)
        let merged = try read(.gitlab, event, gitLabRequest("merge")).get()
        #expect(merged.first?.change == .mergeRequestClosed)
        #expect(reason(.gitlab, event, gitLabRequest("approved"))?.contains("approved") == true)
    }

    private func gitLabRequest(_ action: String, _ extra: String) -> String {
        gitLabRequest(action, source: 1, extra)
    }

    // MARK: GitHub and Gitea

    private func gitHub(_ ref: String, _ extra: String = "") -> String {
        #"{"ref":"\#(ref)","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","#
            + #""after":"59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5","created":false,"#
            + #""deleted":false,"repository":{"id":1,"full_name":"Codertocat/Hello-World","#
            + #""default_branch":"master"},"commits":[]\#(extra)}"#
    }

    @Test("GitHub and Gitea: pushes of branches and tags", arguments: [ReportKind.github, .gitea])
    func gitHubPushes(_ kind: ReportKind) throws {
        let commit = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"
        let push = try read(kind, "push", gitHub("refs/heads/master")).get()
        #expect(
            push == [
                GitReport(
                    .push, project: "Codertocat/Hello-World", ref: "master", commit: commit,
                    defaultBranch: "master")
            ])
        let tag = try read(kind, "push", gitHub("refs/tags/simple-tag")).get()
        #expect(tag.first?.change == .tag && tag.first?.ref == "simple-tag")
        let skipped = gitHub(
            "refs/heads/master", #","head_commit":{"id":"a","message":"x [skip ci]"}"#)
        #expect(try read(kind, "push", skipped).get().first?.skip == "[skip ci]")
        let gone = gitHub("refs/heads/old").replacing(
            #""deleted":false"#, with: #""deleted":true"#)
        #expect(reason(kind, "push", gone) == "old was deleted")
        for (event, why) in [
            ("ping", "ping: the hook works"), ("create", "is reported by its push"),
            ("issues", "issues events start no build"), ("", "Unknown events"),
        ] {
            let said = reason(kind, event, #"{"zen":"x","ref":"a"}"#) ?? "read"
            #expect(said.contains(why), "\(said)")
        }
        #expect(reason(kind, "delete", #"{"ref":"old"}"#) == "old was deleted")
    }

    private func pullRequest(_ action: String, head: String) -> String {
        #"{"action":"\#(action)","number":2,"pull_request":{"title":"t","head":{"ref":"c","#
            + #""sha":"ec26c3e57ca3a959ca5aad62de7213c562f8c821","repo":\#(head)},"#
            + #""base":{"ref":"master","repo":{"full_name":"c/h"}}},"#
            + #""repository":{"full_name":"c/h","default_branch":"master"}}"#
    }

    @Test("GitHub and Gitea: pull requests, new commits, forks, deleted forks, closed ones")
    func pullRequests() throws {
        let own = #"{"full_name":"c/h"}"#
        for (kind, action) in [
            (ReportKind.github, "opened"), (.github, "synchronize"), (.gitea, "synchronized"),
        ] {
            let request = try read(kind, "pull_request", pullRequest(action, head: own)).get()
            let wanted = GitReport.MergeRequest(
                number: 2, title: "t", isForeign: false, fetchedRef: "refs/pull/2/head")
            #expect(request.first?.mergeRequest == wanted && request.first?.ref == "master")
        }
        for head in [#"{"full_name":"x/h"}"#, "null"] {
            let fork = try read(.github, "pull_request", pullRequest("opened", head: head)).get()
            #expect(fork.first?.mergeRequest?.isForeign == true)
        }
        let closed = try read(.github, "pull_request", pullRequest("closed", head: own)).get()
        #expect(closed.first?.change == .mergeRequestClosed)
        let labelled = reason(.github, "pull_request", pullRequest("labeled", head: own))
        #expect(labelled == "labeled of a pull request starts no build")
    }

    // MARK: Bitbucket

    @Test("Bitbucket Cloud: one push of several refs, and pull requests")
    func bitbucketCloud() throws {
        let commit = "709d658dc5b6d6afcd46049c2f332ee3f515a67d"
        let body =
            #"{"repository":{"full_name":"team/repo"},"push":{"changes":["#
            + #"{"new":{"type":"branch","name":"main","target":{"hash":"\#(commit)"}}},"#
            + #"{"new":null,"old":{"type":"branch","name":"old"}},"#
            + #"{"new":{"type":"tag","name":"v1","target":{"hash":"\#(commit)"}}}]}}"#
        #expect(
            try read(.bitbucket, "repo:push", body).get() == [
                GitReport(.push, project: "team/repo", ref: "main", commit: commit),
                GitReport(.tag, project: "team/repo", ref: "v1", commit: commit),
            ])
        let gone =
            #"{"repository":{"full_name":"team/repo"},"push":{"changes":["#
            + #"{"new":null,"old":{"type":"branch","name":"old"}}]}}"#
        #expect(reason(.bitbucket, "repo:push", gone) == "old was deleted")
        func request(_ source: String) -> String {
            #"{"repository":{"full_name":"t/r"},"pullrequest":{"id":3,"title":"x","#
                + #""source":{"branch":{"name":"f"},"commit":{"hash":"abc123"},"#
                + #""repository":{"full_name":"\#(source)"}},"destination":{"branch":"#
                + #"{"name":"main"},"repository":{"full_name":"t/r"}}}}"#
        }
        let opened = try read(.bitbucket, "pullrequest:created", request("t/r")).get()
        #expect(opened.first?.mergeRequest?.fetchedRef == "refs/heads/f")
        let fork = reason(.bitbucket, "pullrequest:created", request("x/r")) ?? "read"
        #expect(fork.contains("comes from a fork"))
    }

    @Test("Bitbucket Data Center: changed refs, and pull requests of forks")
    func bitbucketServer() throws {
        let commit = "178864a7d521b6f5e720b386b2c2b0ef8563e0dc"
        let repository = #"{"slug":"repo","project":{"key":"PRJ"}}"#
        let body =
            #"{"repository":\#(repository),"changes":[{"ref":{"id":"refs/heads/main"},"#
            + #""toHash":"\#(commit)","type":"UPDATE"},{"ref":{"id":"refs/heads/old"},"#
            + #""toHash":"0000000000000000000000000000000000000000","type":"DELETE"}]}"#
        #expect(
            try read(.bitbucket, "repo:refs_changed", body).get() == [
                GitReport(.push, project: "PRJ/repo", ref: "main", commit: commit)
            ])
        let request =
            #"{"pullRequest":{"id":11,"title":"x","fromRef":{"displayId":"f","#
            + #""latestCommit":"\#(commit)","repository":{"slug":"repo","project":{"key":"~ME"}}},"#
            + #""toRef":{"displayId":"main","repository":\#(repository)}}}"#
        let opened = try read(.bitbucket, "pr:opened", request).get()
        #expect(opened.first?.mergeRequest?.fetchedRef == "refs/pull-requests/11/from")
        #expect(opened.first?.mergeRequest?.isForeign == true)
    }

    // MARK: Signed

    @Test("A signed report names project, ref and commit")
    func signed() throws {
        let body = #"{"project":"team/a","ref":"refs/tags/v1","commit":"c0ffee"}"#
        let tag = GitReport(.tag, project: "team/a", ref: "v1", commit: "c0ffee")
        #expect(try read(.signed, "", body).get() == [tag])
        #expect(reason(.signed, "", "{}")?.contains("does not say what was pushed") == true)
        #expect(reason(.signed, "", "x") == "the request is not a report of a signed hook in JSON")
    }
}
