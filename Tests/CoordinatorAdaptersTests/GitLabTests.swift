import CoordinatorAdapters
import CoordinatorCore
import TestSupport
import Testing

/// The project and the hook of a guest OS on a GitLab server.
@Suite(.timeLimit(.minutes(5))) struct GitLabTests {
    private static let hook = "http://builds1:9753/api/v1/hooks/gitlab"
    private static let secret = "a-secret-of-sixteen"

    private func server(
        _ gitlab: FakeGitLab, group: String = "aibuild", token: String = FakeGitLab.token,
        hook: String = GitLabTests.hook
    ) -> GitLabServer {
        GitLabServer(
            GitLabSettings(
                url: gitlab.url + "/", token: token, group: group, hookURL: hook,
                hookSecret: Self.secret))
    }

    @Test("Group, project and hook are created once, and then found") func createdOnce()
        async throws
    {
        let gitlab = try await FakeGitLab.start()
        let server = server(gitlab)
        #expect(
            server.template(ofGuestOS: "debian12")
                == .git(url: gitlab.url + "/aibuild/debian12_tpl.git", ref: "HEAD"))
        let first = await server.prepare(guestOS: "debian12")
        #expect(first.problem == nil)
        #expect(
            first.done == [
                "group aibuild: created", "project aibuild/debian12_tpl: created",
                "hook to \(Self.hook): created",
            ])
        let second = await server.prepare(guestOS: "debian12")
        #expect(
            second.done == [
                "project aibuild/debian12_tpl exists", "hook to \(Self.hook) exists",
            ])
        _ = await server.prepare(guestOS: "win2016")
        let state = try await gitlab.control()
        #expect(state.groups.map(\.full_path) == ["aibuild"])
        #expect(
            state.projects.map(\.path_with_namespace) == [
                "aibuild/debian12_tpl", "aibuild/win2016_tpl",
            ])
        #expect(state.projects.allSatisfy { $0.visibility == "private" })
        #expect(state.hooks.count == 2)
        #expect(state.hooks.allSatisfy { $0.token == Self.secret && $0.url == Self.hook })
        #expect(!state.requests.contains { $0.contains(FakeGitLab.token) })
    }

    @Test("A subgroup is created with its parents") func subgroupWithParents() async throws {
        let gitlab = try await FakeGitLab.start()
        let report = await server(gitlab, group: "cloud/images").prepare(guestOS: "a")
        #expect(report.problem == nil)
        let state = try await gitlab.control()
        #expect(state.groups.map(\.full_path) == ["cloud", "cloud/images"])
        #expect(state.projects.map(\.path_with_namespace) == ["cloud/images/a_tpl"])
    }

    /// A differing hook is corrected on any page of the list; other hooks are kept.
    @Test("A differing hook is corrected") func hookIsCorrected() async throws {
        let gitlab = try await FakeGitLab.start()
        let server = server(gitlab)
        _ = await server.prepare(guestOS: "other")
        for (old, pushes) in [(Self.hook, "false"), ("http://old:1/api/v1/hooks/gitlab", "true")] {
            let name = pushes == "true" ? "moved" : "silenced"
            let setup = self.server(gitlab, hook: "http://elsewhere/x")
            _ = await setup.prepare(guestOS: name)
            let others = (0..<130).map {
                "{\"project\":\"aibuild/\(name)_tpl\",\"url\":\"http://ci\($0)/x\","
                    + "\"push_events\":true,\"enable_ssl_verification\":true}"
            }
            let ours =
                "{\"project\":\"aibuild/\(name)_tpl\",\"url\":\"\(old)\","
                + "\"push_events\":\(pushes),\"enable_ssl_verification\":false}"
            try await gitlab.control("{\"hooks\":[\((others + [ours]).joined(separator: ","))]}")
            let report = await server.prepare(guestOS: name)
            #expect(report.done.last == "hook to \(Self.hook): corrected", "\(name)")
        }
        let state = try await gitlab.control()
        #expect(state.hooks.count == 1 + 2 * 132)
        let ours = state.hooks.filter { $0.url == Self.hook }
        #expect(ours.count == 3)
        #expect(
            ours.allSatisfy {
                $0.push_events && $0.enable_ssl_verification && $0.token == Self.secret
            })
    }

    @Test("A refusal is reported, and a repetition continues") func refusalIsReported() async throws
    {
        let gitlab = try await FakeGitLab.start()
        let stranger = await server(gitlab, token: "wrong").prepare(guestOS: "a")
        #expect(stranger.problem?.contains("gitlab.token_file") == true, "\(stranger)")
        #expect(stranger.problem?.contains("wrong") != true || stranger.done.isEmpty)

        try await gitlab.control(
            #"{"refusals":[["POST","/projects",403,{"message":"403 Forbidden"}]]}"#)
        let forbidden = await server(gitlab).prepare(guestOS: "a")
        #expect(forbidden.done == ["group aibuild: created"])
        #expect(
            forbidden.problem?.hasPrefix(
                "cannot create project aibuild/a_tpl: GitLab responded with 403 (403 Forbidden)")
                == true)

        try await gitlab.control(
            #"{"refusals":[["POST","/hooks",422,{"error":"Invalid url given"}]]}"#)
        let badHook = await server(gitlab).prepare(guestOS: "a")
        #expect(badHook.done == ["project aibuild/a_tpl: created"])
        #expect(badHook.problem?.contains("422 (Invalid url given)") == true)

        try await gitlab.control(#"{"refusals":[["GET","/",502,{}]]}"#)
        #expect(
            await server(gitlab).prepare(guestOS: "a").problem?.contains(
                "when GitLab has recovered")
                == true)

        try await gitlab.control(#"{"refusals":[]}"#)
        let good = await server(gitlab).prepare(guestOS: "a")
        #expect(good.problem == nil)
        #expect(good.done.count == 2)

        gitlab.stop()
        let gone = await server(gitlab).prepare(guestOS: "a")
        #expect(gone.problem?.isEmpty == false)
        #expect(gone.done.isEmpty)
    }

    @Test("Names that belong to others are reported") func takenNamesAreReported() async throws {
        let gitlab = try await FakeGitLab.start()
        try await gitlab.control(#"{"users":["aibuild"]}"#)
        let user = await server(gitlab).prepare(guestOS: "a")
        #expect(user.problem?.contains("a user or group named aibuild") == true, "\(user)")

        _ = await server(gitlab, group: "other").prepare(guestOS: "a")
        try await gitlab.control(#"{"hidden":["other/a_tpl"]}"#)
        let hidden = await server(gitlab, group: "other").prepare(guestOS: "a")
        #expect(hidden.problem?.contains("that the token cannot access") == true, "\(hidden)")

        _ = await server(gitlab, group: "third").prepare(guestOS: "a")
        try await gitlab.control(#"{"archive":"third/a_tpl"}"#)
        let archived = await server(gitlab, group: "third").prepare(guestOS: "a")
        #expect(archived.problem?.contains("is archived") == true)
    }

    @Test("A server that is not GitLab is reported") func otherServerIsReported() async throws {
        let gitlab = try await FakeGitLab.start()
        try await gitlab.control(#"{"refusals":[["GET","/",200,"<html>"]]}"#)
        let report = await server(gitlab).prepare(guestOS: "a")
        #expect(report.problem?.contains("does not respond like GitLab's API") == true)
    }
}
