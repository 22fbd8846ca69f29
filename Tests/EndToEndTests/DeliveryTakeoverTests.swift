import HTTPClientKit
import Glibc
import Support
import TestSupport
import Testing

/// Two coordinators on one database, and a leader that dies between the receipt of a report and
/// what it asks for.
@Suite(.timeLimit(.minutes(5))) struct DeliveryTakeoverTests {
    private struct Shown: Decodable {
        var state: String
        var builds: [String]
    }

    /// Pushes a commit that builds the guest OS.
    /// - Returns: the commit.
    private func push(_ text: String, _ farm: Farm, _ server: GitServer) async throws -> String {
        let words = try await farm.shell(
            "mkdir -p \(farm.folder)/work && cd \(farm.folder)/work && "
                + "export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t "
                + "GIT_COMMITTER_EMAIL=t@t && if ! [ -d .git ]; then git init -q -b main . && "
                + "git remote add origin \(server.url)/team/images.git; fi && "
                + "printf 'builder: command\\ncommand: [sh, -c, \"printf \(text) > "
                + "$AIBUILD_OUTPUT/a.raw\"]\\n' > aibuild.yml && git add -A && "
                + "git commit -qm '\(text)' && git push -q origin main && git rev-parse HEAD")
        return String(words.prefix(40))
    }

    /// As the Git server delivers the push of a commit.
    private func deliver(
        _ commit: String, to base: String, as id: String, _ farm: Farm
    ) async throws -> String {
        let body =
            #"{"ref":"refs/heads/main","after":"\#(commit)","#
            + #""repository":{"full_name":"team/images","default_branch":"main"}}"#
        return try await farm.shell(
            "curl -s -w ' %{http_code}' -H 'X-Gitea-Event: push' -H 'X-Gitea-Delivery: \(id)' "
                + "-d '\(body)' \(base)/api/v1/hooks/forge -H X-Gitea-Signature:$(printf %s "
                + "'\(body)' | openssl dgst -sha256 -hmac \(GitServer.secret) -r | "
                + "cut -d ' ' -f 1)")
    }

    private func handled(_ id: Int, at api: FarmClient) async throws -> Shown {
        try await eventually("delivery \(id) is handled") {
            let shown = try FarmClient.decode(
                Shown.self, try await api.get("/api/v1/deliveries/\(id)"))
            return shown.state == "queued" ? nil : shown
        }
    }

    @Test("What a killed leader had stored and not handled, the next one handles once")
    func killedBetween() async throws {
        let server = try await GitServer.start()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        for (name, text) in [("secret", GitServer.secret), ("token", GitServer.token)] {
            try Files.replace("\(folder.path)/\(name)", with: Array(text.utf8), mode: 0o600)
        }
        var setup = Farm.Setup()
        setup.database = try await MariaDBServer.shared().makeDatabase()
        setup.coordinatorLines = [
            "hooks: {forge: {type: gitea, url: '\(server.url)', "
                + "secret_file: \(folder.path)/secret, token_file: \(folder.path)/token}}"
        ]
        try await withFarm(setup) { farm in
            let first = try await push("one", farm, server)
            let added = try await farm.api.send(
                "POST", "/api/v1/guestos",
                json: #"{"name":"mini","type":"linux","template":{"kind":"git","url":"#
                    + #""\#(server.url)/team/images.git","ref":"main"}}"#)
            #expect(added.status == 201, "\(FarmClient.text(added))")
            let second = try await StandbyCoordinator("second", of: farm)

            // The leader is frozen, so that it cannot handle what the other one stores.
            let leader = try #require(farm.coordinator)
            leader.signal(SIGSTOP)
            let stored = try await deliver(first, to: second.api.base, as: "d-1", farm)
            #expect(stored == #"{"delivery":1,"state":"queued"} 200"#, "\(stored)")
            leader.kill()
            try await second.leads()
            #expect(try await handled(1, at: second.api).builds == ["mini:1"])
            let again = try await deliver(first, to: second.api.base, as: "d-1", farm)
            #expect(again == #"{"delivery":1,"state":"handled"} 200"#, "\(again)")

            // The other way round, with the old leader as the heir.
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await !farm.api.leader().isLeading)
            let next = try await push("two", farm, server)
            second.program.signal(SIGSTOP)
            let other = try await deliver(next, to: farm.api.base, as: "d-2", farm)
            #expect(other == #"{"delivery":2,"state":"queued"} 200"#, "\(other)")
            second.program.kill()
            let api = farm.api
            try await eventually("the old leader leads") { try await api.leader().isLeading }
            #expect(try await handled(2, at: farm.api).builds == ["mini:2"])
            for build in try await farm.api.builds() {
                #expect(try await farm.api.end(of: build).state == "passed")
            }
            #expect(try await farm.api.builds().count == 2, "each is built once")
        }
    }
}
