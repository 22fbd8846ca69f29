import Support
import TestSupport
import Testing

/// A Git server over HTTP that reports pushes, and the installed programs.
@Suite(.timeLimit(.minutes(10))) struct PushFlowTests {
    private func aibuild(_ farm: Farm, _ arguments: String) async throws -> String {
        let program = try FarmProgram.path("aibuild")
        return try await farm.shell(
            "AIBUILD_URL=\(farm.api.base) \(program) \(arguments) 2>&1 || echo \"exit $?\"")
    }

    private func git(_ farm: Farm, _ commands: String) async throws -> String {
        try await farm.shell(
            "cd \(farm.folder)/work && export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t "
                + "GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t && " + commands)
    }

    private static let template = """
        builder: command
        command: [./build]
        triggers: {tags: ["v*"], publish: tags}
        images:
          mini-a: {paths: [build, a]}
          mini-b: {paths: [build, b]}

        """

    /// The delivery with this number once it was handled, as `aibuild deliveries show` has it.
    private func delivery(_ farm: Farm, _ number: Int) async throws -> String {
        try await eventually("delivery \(number) is handled: \(farm.coordinator?.log ?? "")") {
            let text = try await aibuild(farm, "deliveries show \(number)")
            let isOpen = text.contains("exit ") || text.contains("queued")
            return isOpen ? nil : text
        }
    }

    private func withForge(_ body: (Farm, GitServer) async throws -> Void) async throws {
        let server = try await GitServer.start()
        let folder = try TemporaryFolder()
        for (name, text) in [("secret", GitServer.secret), ("token", GitServer.token)] {
            try Files.replace("\(folder.path)/\(name)", with: Array(text.utf8), mode: 0o600)
        }
        var setup = Farm.Setup()
        setup.hosts = 1
        setup.coordinatorLines = [
            "hooks: {forge: {type: gitea, url: '\(server.url)', "
                + "secret_file: \(folder.path)/secret, token_file: \(folder.path)/token}}"
        ]
        try await withFarm(setup) { farm in
            try server.report(to: farm.api.base + "/api/v1/hooks/forge")
            try Files.makeFolder(farm.folder + "/work")
            try Files.replace(farm.folder + "/work/aibuild.yml", with: Array(Self.template.utf8))
            try Files.replace(
                farm.folder + "/work/build",
                with: Array("#!/bin/sh\nprintf x > \"$AIBUILD_OUTPUT/a.raw\"\n".utf8), mode: 0o755)
            _ = try await git(
                farm,
                "git init -q -b main . && git remote add origin \(server.url)/team/images.git && "
                    + Self.push("first"))
            let early = try await delivery(farm, 1)
            #expect(early.contains("no guest OS has its template in team/images"), "\(early)")
            for name in ["mini-a", "mini-b"] {
                let added = try await aibuild(
                    farm,
                    "guestos add \(name) --type linux --git \(server.url)/team/images.git "
                        + "--ref main")
                #expect(!added.contains("exit"), "\(added)")
            }
            try await body(farm, server)
        }
    }

    private static func push(_ message: String) -> String {
        "git add -A && git commit -qm '\(message)' && git push -q origin main && "
            + "git rev-parse HEAD"
    }

    @Test("A push builds what it touches, its state is beside the commit, and a tag publishes")
    func pushToPublished() async throws {
        try await withForge { farm, server in
            _ = try await git(farm, "echo a >a && echo b >b && " + Self.push("both"))
            let first = try await delivery(farm, 2)
            #expect(first.contains("mini-a:1, mini-b:1"), "\(first)")
            let second = try await git(farm, "echo x >b && " + Self.push("b: more"))
            let handled = try await delivery(farm, 3)
            #expect(handled.contains("mini-b:2"), "\(handled)")
            #expect(handled.contains("nothing that mini-a is made of has changed"), "\(handled)")
            let commit = second.trimmingSuffix { $0 == "\n" }
            let last = try await eventually("the commit has a state") {
                let all = try await server.statuses("team/images", String(commit))
                return all.last { $0.state == "success" }
            }
            #expect(last.context == "aibuild/mini-b" && last.description == "mini-b:2 passed")
            #expect(last.target_url?.contains("/builds/push-") == true)
            let shown = try await aibuild(farm, "show mini-b:2")
            #expect(shown.contains(": b: more"), "\(shown)")

            _ = try await git(farm, "git tag v1 && git push -q origin v1")
            let tagged = try await delivery(farm, 4)
            #expect(tagged.contains("mini-a:2, mini-b:3"), "\(tagged)")
            try await eventually("the badge shows the tag's build") {
                let badge = try await farm.shell("curl -fsS \(farm.api.base)/badge/mini-b.svg")
                return badge.contains("3 passed")
            }
        }
    }

    @Test("A server that is away between report and fetch is tried again, a forged report is not")
    func serverAway() async throws {
        try await withForge { farm, server in
            let commit = try await git(farm, "git rev-parse HEAD").prefix(40)
            let body =
                #"{"ref":"refs/heads/main","after":"\#(commit)","#
                + #""repository":{"full_name":"team/images","default_branch":"main"}}"#
            let post =
                "curl -s -w ' %{http_code}' -H 'X-Gitea-Event: push' -d '\(body)' "
                + "\(farm.api.base)/api/v1/hooks/forge -H X-Gitea-Signature:"
            let forged = try await farm.shell(post + String(repeating: "0", count: 64))
            #expect(forged.hasSuffix(" 401"), "\(forged)")
            server.stop()
            let sent = try await farm.shell(
                post + "$(printf %s '\(body)' | openssl dgst -sha256 -hmac "
                    + "\(GitServer.secret) -r | cut -d ' ' -f 1)")
            #expect(sent == #"{"delivery":2,"state":"queued"} 200"#, "\(sent)")
            try await eventually("the first try failed") {
                try await aibuild(farm, "deliveries show 2").contains("next try")
            }
            let list = try await aibuild(farm, "deliveries")
            #expect(list.contains("cannot fetch"), "\(list)")
        }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
        var rest = self[...]
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return rest
    }
}
