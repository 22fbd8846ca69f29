import Glibc
import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// The API by TLS and behind a proxy: the real coordinator, with curl and `aibuild` as clients.
@Suite("The API's door", .timeLimit(.minutes(5))) struct TLSTests {
    /// Runs `body` with a coordinator that has the certificate, and the folder of all certificates.
    private func withTLS(
        _ certificate: String = "server", starts: Bool = true,
        _ body: (Farm, String) async throws -> Void
    ) async throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let folder = temporary.path + "/c"
        _ = try await TestCertificates(in: folder)
        try await place("\(folder)/\(certificate)", in: folder)
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.startsCoordinator = starts
            $0.authorities = folder + "/ca.pem"
            $0.apiKeys = ["tls: {certificate_file: \(folder)/api.pem, key_file: \(folder)/api.key}"]
        }
        try await withFarm(setup) { try await body($0, folder) }
    }

    /// As a program that renews certificates does.
    private func place(_ name: String, in folder: String) async throws {
        let chain = try Files.read(name + ".pem", limitBytes: 1 << 16)
        let key = try Files.read(name + "-key.pem", limitBytes: 1 << 16)
        try Files.replace(folder + "/api.key", with: key, mode: 0o600)
        try Files.replace(folder + "/api.pem", with: chain)
    }

    private func curl(_ words: String...) async throws -> String {
        let output = try await Command(
            ["curl", "-sS", "-i", "--max-time", "20"] + words,
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        return output.stdoutText + output.stderrText
    }

    private func doctor(_ farm: Farm) async throws -> String {
        try await farm.aibuild(["doctor"], authorities: farm.setup.authorities).out
    }

    @Test("aibuild and curl use it by https, and a browser's session never leaves TLS")
    func clients() async throws {
        try await withTLS { farm, folder in
            let authority = folder + "/ca.pem"
            let host = "127.0.0.1:\(farm.port)"
            #expect(try await curl("--cacert", authority, "https://\(host)/healthz").contains("ok"))
            let log = farm.coordinator?.log ?? ""
            #expect(log.contains("serving https://\(host)"), "\(log)")

            let good = try await farm.aibuild(["queue"], authorities: authority)
            #expect(good.status == .exited(0), "\(good.err)")
            let option = try await farm.aibuild(["queue", "--ca-file", authority])
            #expect(option.status == .exited(0), "\(option.err)")
            let unknown = try await farm.aibuild(["queue"])
            #expect(unknown.status == .exited(5))
            #expect(unknown.err.contains("--ca-file FILE or AIBUILD_CA_FILE"), "\(unknown.err)")
            let plain = try await farm.aibuild(["queue", "--url", "http://\(host)"])
            #expect(plain.status == .exited(5))
            #expect(plain.err.contains("use https://"), "\(plain.err)")

            let path = try await farm.signInPath()
            let signedIn = try await curl("--cacert", authority, "https://\(host)\(path)")
            #expect(signedIn.contains("303") && signedIn.contains("; Secure; "), "\(signedIn)")
        }
    }

    @Test("A renewed certificate is used without a restart, and a broken one is not")
    func renewal() async throws {
        try await withTLS { farm, folder in
            let renewed = folder + "/renewed"
            _ = try await TestCertificates(in: renewed)
            let client = HTTPClient(tls: TLSFiles(authorities: renewed + "/ca.pem"))
            let url = farm.api.base + "/healthz"
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.request("GET", url)
            }
            try await place(renewed + "/server", in: folder)
            try await eventually("the files are read again") {
                (try? await client.request("GET", url).status) == 200
            }

            try Files.replace(folder + "/api.pem", with: Array("nonsense".utf8))
            farm.coordinator?.signal(SIGHUP)
            try await eventually("the log says so") {
                farm.coordinator?.log.contains("goes on with its certificate of before") == true
            }
            #expect(try await client.request("GET", url).status == 200)
            let said = try await farm.aibuild(["doctor"], authorities: renewed + "/ca.pem")
            #expect(said.status == .exited(1) && said.out.contains("\(folder)/api.pem"), "\(said)")

            try await place("\(folder)/server", in: folder)
            farm.coordinator?.signal(SIGHUP)
            try await eventually("the first one is back") {
                (try? await farm.api.get("/healthz").status) == 200
            }
            #expect(try await !doctor(farm).contains("certificate of before"))
        }
    }

    /// A coordinator that its service manager restarts again and again would help nobody.
    @Test("A certificate that has expired is told, and the coordinator goes on")
    func expired() async throws {
        try await withTLS("expired", starts: false) { farm, _ in
            let socket = try NotifySocket()
            let port = try LoopbackPort.free()
            try farm.writeConfiguration(port: port)
            let program = try FarmProgram(
                "aibuild-coordinator", ["--config", farm.configPath],
                logPath: "\(farm.folder)/coordinator.log",
                environment: socket.environment(watchdogMilliseconds: 100))
            farm.use(program, port: port)
            let lines = try await socket.wait(for: "READY=1")
            #expect(lines.contains("STATUS=serving https://127.0.0.1:\(port)"))
            try await socket.wait(for: "WATCHDOG=1")
            #expect(program.log.contains("expired on"), "\(program.log)")
            let refused = try await farm.aibuild(
                ["doctor"], authorities: farm.setup.authorities)
            #expect(refused.status == .exited(5))
            #expect(refused.out.contains("Renew the certificate"), "\(refused.out)")
            #expect(try await curl("-k", "https://127.0.0.1:\(port)/healthz").contains("200 OK"))
        }
    }

    @Test("Whether other machines may reach it in clear is said in words")
    func insecure() async throws {
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.startsCoordinator = false
        }
        try await withFarm(setup) { farm in
            _ = try await TestCertificates(in: farm.folder + "/c")
            let (pem, key) = ("\(farm.folder)/c/server.pem", "\(farm.folder)/c/ca-key.pem")
            for (api, words) in [
                ("{listen: 0.0.0.0}", ["yml:1:15: key 'api.listen'", "insecure: true", "api.tls"]),
                ("{listen: \"::\"}", ["insecure: true"]),
                ("{listen: \"\"}", ["insecure: true"]),
                (
                    "{metrics: {listen: 10.1.2.3, port: 1}}",
                    ["key 'api.metrics.listen'", "insecure: true"]
                ),
                ("{images: {listen: 10.1.2.3}}", ["'api.images.port'"]),
                (
                    "{tls: {certificate_file: \(pem), key_file: \(key)}}",
                    [pem, key, "the certificate is not that of the key"]
                ),
                ("{tls: {certificate_file: \(pem)}}", ["api.tls.key_file"]),
                ("{tls: {certificate_file: /x.pem, key_file: \(key)}}", ["/x.pem"]),
                ("{trusted_proxies: [0.0.0.0/0]}", ["api.trusted_proxies", "everybody"]),
                ("{trusted_proxies: [10.0.0.1/8]}", ["api.trusted_proxies", "10.20.0.0/16"]),
            ] {
                try Files.replace(farm.configPath, with: Array("api: \(api)\n".utf8))
                let program = try FarmProgram(
                    "aibuild-coordinator", ["check-config", "--config", farm.configPath],
                    logPath: "\(farm.folder)/check.log")
                #expect(try await program.exit() == .exited(1), "\(api)")
                for word in words { #expect(program.log.contains(word), "\(program.log)") }
                try Files.remove("\(farm.folder)/check.log")
            }
            for api in [
                "{metrics: {listen: 10.1.2.3, port: 1, insecure: true}}",
                "{listen: 0.0.0.0, insecure: true}", "{listen: \"::1\"}", "{listen: localhost}",
                "{listen: 127.0.0.2}", "{trusted_proxies: [10.0.0.1, \"2001:db8::/32\"]}",
            ] {
                try Files.replace(farm.configPath, with: Array("api: \(api)\n".utf8))
                let program = try FarmProgram(
                    "aibuild-coordinator", ["check-config", "--config", farm.configPath],
                    logPath: "\(farm.folder)/good.log")
                #expect(try await program.exit() == .exited(0), "\(api): \(program.log)")
            }
        }
    }

    @Test("A certificate that is not for the host of api.url is told before clients refuse it")
    func strangeName() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let certificates = folder.path + "/c"
        _ = try await TestCertificates(in: certificates)
        try await place("\(certificates)/server", in: certificates)
        for (host, isNamed) in [
            ("127.0.0.1", true), ("localhost", true), ("[::1]", false), ("builds.test", false),
            ("192.0.2.1", false),
        ] {
            let setup = Farm.Setup {
                $0.hosts = 0
                $0.authorities = certificates + "/ca.pem"
                $0.apiKeys = [
                    "url: \"https://\(host):9753\"",
                    "tls: {certificate_file: \(certificates)/api.pem, "
                        + "key_file: \(certificates)/api.key}",
                ]
            }
            try await withFarm(setup) { farm in
                let found = FarmClient.text(try await farm.api.get("/api/v1/setup"))
                #expect(found.contains("is not for \(host)") != isNamed, "\(host): \(found)")
            }
        }
    }

    @Test("Metrics and images have addresses of their own, which serve nothing else")
    func entrances() async throws {
        let (metrics, images) = (try LoopbackPort.free(), try LoopbackPort.free())
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.apiKeys = ["metrics: {port: \(metrics)}", "images: {port: \(images)}"]
        }
        try await withFarm(setup) { farm in
            let root = farm.webRoot + "/images"
            try Files.makeFolder(root)
            try Files.replace(root + "/list", with: "an image".utf8)
            func get(_ port: UInt16, _ path: String, _ words: String...) async throws -> String {
                let output = try await Command(
                    ["curl", "-sS", "-i", "--max-time", "20"] + words
                        + ["http://127.0.0.1:\(port)\(path)"],
                    environment: Command.minimalEnvironment
                ).run(timeoutSeconds: 300)
                return output.stdoutText
            }
            let read = try await get(metrics, "/metrics")
            #expect(read.contains(" 200 ") && read.contains("aibuild_unusable_rows"), "\(read)")
            for path in ["/healthz", "/readyz"] {
                #expect(try await get(metrics, path).contains(" 200 "))
            }
            // As providers of identities lead back with.
            let address = try await get(metrics, "/healthz?scope=https://example.org/x")
            #expect(address.contains(" 200 "), "\(address)")
            // Through the browser of somebody who reaches the address.
            #expect(try await get(metrics, "/metrics", "-H", "Host: evil.test").contains(" 421 "))
            #expect(try await get(metrics, "/metrics", "-X", "POST").contains(" 404 "))
            #expect(try await get(images, "/images/list").contains("an image"))
            let token = ["-H", "Authorization: Bearer \(farm.token ?? "")"]
            for (port, path) in [
                (metrics, "/api/v1/hosts"), (metrics, "/images/list"), (metrics, "/"),
                (images, "/metrics"), (images, "/api/v1/hosts"), (images, "/sign-in"),
                (images, "/images/../api/v1/hosts"),
            ] {
                let answer = try await get(port, path, "--path-as-is", token[0], token[1])
                #expect(answer.contains(" 404 ") || answer.contains(" 400 "), "\(answer)")
            }
            #expect(try await farm.api.get("/metrics").status == 200, "here as before")
        }
    }

    @Test("A trusted proxy says who sent a request and how; nobody else does")
    func proxies() async throws {
        for (key, isTrusted, isSecure) in [
            ("trusted_proxies: [127.0.0.1]", true, true), ("trusted_proxies: []", false, false),
            ("url: \"https://builds.example.org\"", false, true),
        ] {
            let setup = Farm.Setup {
                $0.hosts = 0
                $0.apiKeys = [key]
            }
            try await withFarm(setup) { farm in
                let put = try await curl(
                    "-X", "PUT", "-H", "Authorization: Bearer \(farm.token ?? "")", "-H",
                    "Content-Type: application/json", "-H", "X-Forwarded-For: ::1, 203.0.113.9",
                    "-d", #"{"value":"correct-horse","guestOSes":["*"]}"#,
                    farm.api.base + "/api/v1/secrets/word")
                #expect(put.contains(#""changedBy":"local""#), "\(put)")
                let address = isTrusted ? "203.0.113.9" : "127.0.0.1"
                let rows = FarmClient.text(
                    try await farm.api.get("/api/v1/audit?action=secret"))
                #expect(rows.contains("\"address\":\"\(address)\""), "\(rows)")
                let signedIn = try await curl(
                    "-H", "X-Forwarded-Proto: https", farm.api.base + farm.signInPath())
                #expect(signedIn.contains("; Secure; ") == isSecure, "\(signedIn)")
                // On loopback only, which the client of a proxy is not.
                let stranger = try await curl(
                    "-H", "X-Forwarded-For: 203.0.113.9", farm.api.base + "/api/v1/hosts")
                #expect(stranger.contains("Aibuild-Token-File") != isTrusted, "\(stranger)")
            }
        }
    }
}

extension Farm {
    /// What a browser is to open.
    fileprivate func signInPath() async throws -> String {
        let code = try await api.send("POST", "/api/v1/sign-in-codes")
        let found = FarmClient.text(code).firstMatch(of: #/"path":"([^"]+)"/#)?.1
        return String(found ?? "").replacing("\\/", with: "/")
    }
}
