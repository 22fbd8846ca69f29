import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Signing in by a real provider of OpenID Connect, with curl as the browser.
@Suite(.timeLimit(.minutes(5))) struct OpenIDTests {
    /// A farm whose users are the provider's, and the provider.
    private func withProvider(_ body: (Farm, OpenIDServer) async throws -> Void) async throws {
        let provider = try await OpenIDServer()
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let secret = folder.path + "/secret"
        try Files.replace(secret, with: OpenIDServer.secret.utf8, mode: 0o600)
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.coordinatorLines = [
                "sign_in:", "  openid:", "    issuer: \(provider.issuer)", "    label: Example",
                "    client_id: \(OpenIDServer.client)", "    client_secret_file: \(secret)",
                "    scopes: [openid]", "    roles: {builders: operator, guests-only: viewer}",
                "    teams: {linux: linux-team}",
            ]
        }
        try await withFarm(setup) { farm in
            try await provider.setCallback(farm.api.base + "/sign-in/openid/callback")
            try await body(farm, provider)
        }
    }

    /// Follows the person's browser until it is back at the coordinator.
    /// - Returns: where it ends, and the page there.
    private func signIn(
        _ name: String, _ farm: Farm, _ provider: OpenIDServer, jar: String
    ) async throws -> (url: String, page: String) {
        let login = String(provider.issuer.dropLast("/openid".count))
        let text = try await farm.shell(
            """
            go() { curl -sS -o page -c \(jar) -b \(jar) -w '%{redirect_url}' "$@"; }
            url=$(go '\(farm.api.base)/sign-in/openid?to=/account')
            case $url in '\(provider.issuer)/auth?'*) ;; *) echo "led to $url"; exit 1;; esac
            go -H 'Content-Type: application/json' \
                -d '{"username":"\(name)","password":"\(OpenIDServer.password)"}' '\(login)/auth/'
            go -X PUT -H 'Content-Type: application/json' -d '{"scope":"openid"}' \
                '\(login)/auth/grant/aibuild'
            url=$(go "$url&g_continue")
            end=$(go "$url"); echo "$end"
            [ -z "$end" ] || go "$end"
            cat page
            """)
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }

    /// - Returns: where the browser is led to from another name of this machine.
    private func leadsFromLocalhost(_ farm: Farm) async throws -> String {
        let base = farm.api.base.replacing("127.0.0.1", with: "localhost")
        return try await farm.shell(
            "curl -s -o moved -w '%{redirect_url}' '\(base)/sign-in/openid?to=/account'")
    }

    @Test("Groups give role and team; a new key of the provider is learned; no role is said why")
    func browser() async throws {
        try await withProvider { farm, provider in
            let first = try await signIn("anna", farm, provider, jar: "anna")
            #expect(first.url == farm.api.base + "/account", "\(first)")
            #expect(first.page.contains("<p>operator, linux-team."), "\(first)")
            let user = try await farm.aibuild(["user", "list"])
            #expect(user.out.contains("anna") && user.out.contains("openid"), "\(user)")

            let moved = try await leadsFromLocalhost(farm)
            #expect(moved == farm.api.base + "/sign-in/openid?moved=true&to=%2Faccount")

            try await provider.rotateKey()
            try await eventually("the new key is learned", seconds: 30) {
                try await signIn("anna", farm, provider, jar: "again").url
                    == farm.api.base + "/account"
            }
            let refused = try await signIn("bert", farm, provider, jar: "bert")
            #expect(refused.url.isEmpty)
            #expect(
                refused.page.replacing("&#39;", with: "'").contains(
                    "you have 'guests'; accepted is 'builders', 'guests-only'"),
                "\(refused)")
        }
    }

    @Test("What is wrong in coordinator.yml is told with its place")
    func settings() async throws {
        try await withFarm(.withoutHosts) { farm in
            let good = "client_id: a, roles: {b: viewer}"
            for (keys, words) in [
                ("issuer: http://login.example.org, \(good)", ["openid.issuer", "needs https"]),
                ("issuer: login, \(good)", ["openid.issuer", "such as https://"]),
                ("issuer: https://x, roles: {b: viewer}", ["openid.client_id"]),
                ("issuer: https://x, client_id: a, roles: {}", ["openid.roles", "one group"]),
                ("issuer: https://x, client_id: a, roles: {b: root}", ["roles", "operator"]),
                ("issuer: https://x, scopes: [email], \(good)", ["openid.scopes", "openid"]),
                ("issuer: https://x, teams: {b: \"a/b\"}, \(good)", ["openid.teams", "a/b"]),
            ] {
                let path = farm.folder + "/bad.yml"
                try Files.replace(path, with: "sign_in: {openid: {\(keys)}}\n".utf8)
                let program = try FarmProgram(
                    "aibuild-coordinator", ["check-config", "--config", path],
                    logPath: farm.folder + "/bad.log")
                #expect(try await program.exit() != .exited(0), "\(keys)")
                for word in words { #expect(program.log.contains(word), "\(program.log)") }
            }
        }
    }

    @Test("The configuration is checked with the provider; one that is away is a warning")
    func check() async throws {
        let provider = try await OpenIDServer()
        let liar = try await LyingOpenIDServer()
        try await withFarm(.withoutHosts) { farm in
            func check(_ issuer: String) async throws -> (ProcessKit.ExitStatus, String) {
                let path = farm.folder + "/check.yml"
                try Files.replace(
                    path,
                    with: """
                        sign_in:
                          openid:
                            client_id: a
                            roles: {b: viewer}
                            issuer: \(issuer)
                        """.utf8)
                let log = farm.folder + "/check.log"
                try Files.replace(log, with: [])
                let program = try FarmProgram(
                    "aibuild-coordinator", ["check-config", "--config", path], logPath: log)
                return (try await program.exit(), program.log)
            }
            let place = "check.yml:5:13: key 'sign_in.openid.issuer': "
            let sound = try await check(provider.issuer)
            #expect(sound.0 == .exited(0) && sound.1.hasSuffix(" is sound\n"), "\(sound)")
            #expect(!sound.1.contains("Warning"), "\(sound)")
            let slashed = try await check(provider.issuer + "/")
            #expect(slashed.0 == .exited(1), "\(slashed)")
            #expect(slashed.1.contains("\(place)of the provider: it calls itself"), "\(slashed)")
            try await liar.set(
                Array(#"{"description":{"response_types_supported":["token"]}}"#.utf8))
            let implicit = try await check(liar.issuer)
            #expect(implicit.0 == .exited(1) && implicit.1.contains(place), "\(implicit)")
            liar.kill()
            let away = try await check(liar.issuer)
            #expect(away.0 == .exited(0), "\(away)")
            #expect(away.1.contains("Warning: ") && away.1.contains(place), "\(away)")
        }
    }

    @Test("A command line is signed in by the browser, once it is allowed there")
    func commandLine() async throws {
        try await withProvider { farm, provider in
            _ = try await signIn("anna", farm, provider, jar: "jar")
            let variables = [
                "HOME": farm.folder + "/anna", "AIBUILD_TOKEN": "", "AIBUILD_URL": farm.api.base,
            ]
            let program = try FarmProgram(
                "aibuild", ["login", "--browser", "--as", "lab"],
                logPath: farm.folder + "/login.log",
                environment: Command.minimalEnvironment.merging(variables) { $1 })
            let address = try await eventually("the address is printed") {
                program.log.firstMatch(of: /https?:\S+/).map { String($0.output) }
            }
            let query = try #require(address.split(separator: "?").last.map(String.init))
            let state = try #require(query.split(separator: "=").last)
            // Whoever else reaches the port.
            let port = try #require(query.firstMatch(of: /port=(\d+)/)?.output.1)
            let wrong = String(state.reversed())
            let other = try await farm.shell(
                "curl -s 'http://127.0.0.1:\(port)/?code=x&state=\(wrong)'"
            )
            #expect(other == "This is not the answer to the sign-in.\n")

            let page = try await farm.shell("curl -s -b jar '\(address)'")
            #expect(page.contains("<b>anna</b>") && page.contains("port \(port)"), "\(page)")
            let said = try await farm.shell(
                """
                url=$(curl -s -o /dev/null -b jar -w '%{redirect_url}' \
                    -H 'Origin: \(farm.api.base)' -d '\(query)' \
                    '\(farm.api.base)/account/command-line')
                curl -sS "$url"
                """)
            #expect(said == "The command line is signed in. You can close this window.\n")
            #expect(try await program.exit() == .exited(0), "\(program.log)")
            #expect(program.log.contains("as anna, until "), "\(program.log)")
            let who = try await farm.aibuild(["whoami"], variables: variables)
            #expect(who.out.contains("operator") && who.out.contains("linux-team"), "\(who)")
        }
    }
}
