import BuildProtocol
import CoordinatorCore
import HTTPTypes
import Testing

@testable import CoordinatorAdapters

/// Requests as the documentation of each server has them.
@Suite("Statuses of commits") struct StatusRequestTests {
    private func request(
        _ kind: ReportKind, _ server: String, _ state: CommitStatus.State,
        project: String = "team/a b"
    ) throws -> StatusRequest {
        var build = Build(
            id: "b1", guestOSID: "o", guestOS: "debian", number: 1, priority: 0, owner: "o",
            plan: BuildPlan(
                template: TemplateArchive(sha256: "", sizeBytes: 0), commit: "c0ffee",
                recipe: BuildRecipe(builder: .command(["x"])), requirements: Requirements(),
                limits: AttemptLimits()), updateContents: "", submittedMilliseconds: 0)
        build.plan.origin = BuildOrigin(kind: .push, hook: "h", project: project, ref: "main")
        var status = try #require(CommitStatus(build, waiting: nil, pages: "https://builds"))
        status.state = state
        return try #require(StatusRequest(status, kind, server: server, token: "secret"))
    }

    @Test("GitLab") func gitLab() throws {
        let sent = try request(.gitlab, "https://git.example.org/", .cancelled)
        #expect(
            sent.url
                == "https://git.example.org/api/v4/projects/team%2Fa%20b/statuses/c0ffee")
        #expect(sent.headers["PRIVATE-TOKEN"] == "secret" && sent.headers["Authorization"] == nil)
        #expect(
            sent.body == [
                "state": "canceled", "name": "aibuild/debian", "ref": "main",
                "description": "debian:1 is queued", "target_url": "https://builds/builds/b1",
            ])
    }

    @Test("GitHub, GitHub Enterprise and Gitea") func gitHub() throws {
        for (kind, server, base) in [
            (ReportKind.github, "https://github.com", "https://api.github.com"),
            (.github, "https://ghe.example.org", "https://ghe.example.org/api/v3"),
            (.gitea, "https://git.example.org", "https://git.example.org/api/v1"),
        ] {
            let sent = try request(kind, server, .failed)
            #expect(sent.url == base + "/repos/team/a%20b/statuses/c0ffee")
            let scheme = kind == .gitea ? "token" : "Bearer"
            #expect(sent.headers["Authorization"] == "\(scheme) secret")
            #expect(sent.body["state"] == "failure" && sent.body["context"] == "aibuild/debian")
            #expect(try request(kind, server, .running).body["state"] == "pending")
        }
    }

    @Test("Bitbucket Cloud and Data Center") func bitbucket() throws {
        let cloud = try request(.bitbucket, "https://bitbucket.org", .passed)
        #expect(
            cloud.url
                == "https://api.bitbucket.org/2.0/repositories/team/a%20b/commit/c0ffee"
                + "/statuses/build")
        #expect(cloud.body["state"] == "SUCCESSFUL" && cloud.body["key"]?.utf8.count ?? 99 <= 40)
        #expect(cloud.body["url"] == "https://builds/builds/b1")
        let own = try request(.bitbucket, "https://bb.example.org/scm", .cancelled)
        #expect(own.url == "https://bb.example.org/rest/build-status/1.0/commits/c0ffee")
        #expect(own.body["state"] == "FAILED")
    }
}
