import HTTPClientKit
import ProcessKit
import Support
import TestSupport
import Testing

/// Signing in as people do: the real coordinator, the real command line.
@Suite struct AccountTests {
    private func password(_ farm: Farm, _ text: String = "correct horse battery") throws -> String {
        let path = "\(farm.folder)/password"
        try Files.replace(path, with: (text + "\n").utf8)
        return path
    }

    @Test("The command that makes the first administrator's address signs a browser in, once")
    func adminToken() async throws {
        try await withFarm(.withoutHosts) { farm in
            let program = try FarmProgram(
                "aibuild-coordinator", ["admin-token", "--config", farm.configPath],
                logPath: "\(farm.folder)/admin.log")
            #expect(try await program.exit() == .exited(0), "\(program.log)")
            let url = program.log.split(separator: "\n").last.map(String.init) ?? ""
            #expect(url.hasPrefix("http://127.0.0.1:") && url.contains("/sign-in?code="), "\(url)")
            func status() async throws -> String {
                try await farm.shell(
                    "curl -s -o /dev/null -c jar -b jar -w '%{http_code}' '\(url)'")
            }
            #expect(try await status() == "303")
            let who = try await farm.shell("curl -s -b jar '\(farm.api.base)/api/v1/whoami'")
            #expect(who.contains(#""role":"administrator""#), "\(who)")
            try await farm.shell("rm jar")
            #expect(try await status() == "401", "used")
        }
    }

    @Test("A user signs in on the command line, is kept to the role, and signs out")
    func commandLine() async throws {
        try await withFarm(.withoutHosts) { farm in
            let file = try password(farm)
            let added = try await farm.aibuild([
                "user", "add", "anna", "--role", "viewer", "--password-file", file,
            ])
            #expect(added.status == .exited(0) && added.out == "Added user anna\n", "\(added)")

            // Another person of this machine, to whom the coordinator's token is not known.
            let home = "\(farm.folder)/anna"
            let anna = ["HOME": home, "AIBUILD_TOKEN": "", "USER": "anna"]
            func aibuild(_ words: String...) async throws -> Said {
                try await farm.aibuild(words, variables: anna)
            }
            try Files.replace("\(farm.folder)/wrong", with: "wrong horse battery".utf8)
            let wrong = try await aibuild("login", "--password-file", "\(farm.folder)/wrong")
            #expect(wrong.status != .exited(0))
            #expect(wrong.err.contains("The name or the password is wrong"), "\(wrong)")
            let login = try await aibuild("login", "--as", "lab", "--password-file", file)
            #expect(login.status == .exited(0), "\(login)")
            #expect(
                login.out.hasPrefix("Signed in to \(farm.api.base) as anna, until "), "\(login)")
            let path = "\(home)/.config/aibuild/logins.json"
            #expect(Files.mode(path).map { $0 & 0o777 } == 0o600)

            let who = try await farm.aibuild(
                ["whoami"], variables: anna.merging(["AIBUILD_URL": "lab"]) { $1 })
            #expect(who.out.contains("anna") && who.out.contains("viewer"), "\(who)")
            #expect(try await aibuild("hosts").status != .exited(4), "reading is a viewer's")
            let refused = try await aibuild(
                "user", "add", "bert", "--role", "viewer", "--password-file", file)
            #expect(refused.status == .exited(4))
            #expect(refused.err.contains("anna is viewer, and this needs the role"), "\(refused)")

            let made = try await aibuild("token", "add", "prometheus", "--right", "view")
            let token = made.out.split(separator: "\n").first.map(String.init) ?? ""
            #expect(token.hasPrefix("aib_"), "\(made)")
            let client = FarmClient(base: farm.api.base, token: token)
            #expect(try await client.get("/metrics").status == 200)
            #expect(try await client.send("POST", "/api/v1/hosts/x/drain").status == 403)

            let rows = try await farm.aibuild(["audit", "--actor", "anna", "--csv"])
            #expect(rows.out.contains(#""token.add""#), "\(rows)")
            let kept = String(
                decoding: try Files.read(path, limitBytes: 4096), as: UTF8.self)
            let own = try #require(kept.firstMatch(of: /aib_[0-9a-f]+/)).output
            let signedIn = FarmClient(base: farm.api.base, token: String(own))
            #expect(try await signedIn.get("/api/v1/hosts").status == 200)
            #expect(try await aibuild("logout").out == "Signed out of \(farm.api.base)\n")
            #expect(try await signedIn.get("/api/v1/hosts").status == 401)
            #expect(try !Files.read(path, limitBytes: 4096).contains(UInt8(ascii: "_")))
            #expect(try await client.get("/metrics").status == 200, "other tokens stay")

            // Nothing of it is readable in the database.
            let database = try Files.read(
                "\(farm.stateFolder)/aibuild.sqlite", limitBytes: 64 << 20)
            let text = String(decoding: database, as: UTF8.self)
            #expect(!text.contains("correct horse") && !text.contains(token))
        }
    }

    @Test("A sign-in of another user says whom it replaces; contradictions are refused")
    func replacedLogin() async throws {
        try await withFarm(.withoutHosts) { farm in
            let file = try password(farm)
            for name in ["anna", "bert"] {
                let added = try await farm.aibuild([
                    "user", "add", name, "--role", "viewer", "--password-file", file,
                ])
                #expect(added.status == .exited(0), "\(added)")
            }
            let variables = ["HOME": "\(farm.folder)/home", "AIBUILD_TOKEN": ""]
            func login(_ words: String...) async throws -> Said {
                try await farm.aibuild(["login"] + words, variables: variables)
            }
            for _ in 0..<2 {
                let same = try await login("--user", "anna", "--password-file", file)
                #expect(same.status == .exited(0) && !same.out.contains("replaces"), "\(same)")
            }
            let other = try await login("--user", "bert", "--password-file", file)
            #expect(other.out.hasSuffix("; replaces the sign-in of anna\n"), "\(other)")
            let beside = try await login("--user", "anna", "--password-file", file, "--as", "lab")
            #expect(!beside.out.contains("replaces"), "\(beside)")
            for option in ["--user", "--password-file"] {
                let both = try await login("--browser", option, file)
                #expect(both.status == .exited(2), "\(both)")
                #expect(
                    both.err.contains("--browser and \(option) exclude each other"), "\(both)")
            }
        }
    }

    @Test("Two hundred who sign in at once are all answered, one hash at a time")
    func manyAtOnce() async throws {
        try await withFarm(.withoutHosts) { farm async throws in
            let form = #"{"name":"nobody","password":"wrong horse battery"}"#
            let api = farm.api
            let statuses = await withTaskGroup(of: Int?.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        try? await api.send("POST", "/api/v1/sign-in", json: form).status
                    }
                }
                return await group.reduce(into: [Int?]()) { $0.append($1) }
            }
            // One address fails ten times; the others are told to wait, without any work.
            #expect(statuses.filter { $0 == 401 }.count == 10)
            #expect(statuses.filter { $0 == 429 }.count == 190)
            #expect(try await api.get("/readyz").status == 200)
        }
    }
}
