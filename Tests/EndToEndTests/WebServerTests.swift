import HTTPClientKit
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

/// The files of `deploy/` for web servers, used by the real ones in front of a real coordinator.
@Suite("A web server in front", .timeLimit(.minutes(3))) struct WebServerTests {
    /// A client other than the web server, which is at 127.0.0.1.
    private static let address = "127.0.0.9"

    private struct Front: Sendable {
        var farm: Farm
        var server: WebServer
        var authorities: String

        var client: FarmClient {
            FarmClient(base: server.base, token: farm.token, authorities: authorities)
        }

        /// What curl prints, with the headers of the answer.
        func curl(_ words: String...) async throws -> String {
            let output = try await Command(
                [
                    "curl", "-sS", "-i", "--cacert", authorities, "--max-time", "20",
                    "--interface", WebServerTests.address,
                ] + words, environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300, outputLimitBytes: 1 << 20)
            return output.stdoutText + output.stderrText
        }
    }

    private func withFront(
        _ kind: WebServer.Kind, _ body: (Front) async throws -> Void
    ) async throws {
        let temporary = try TemporaryFolder()
        defer { withExtendedLifetime(temporary) {} }
        let certificates = try await TestCertificates(in: temporary.path + "/c")
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.apiKeys = ["trusted_proxies: [127.0.0.1]"]
        }
        try await withFarm(setup) { farm in
            // As root, the web server's workers are another user.
            try await farm.shell("chmod 711 .")
            let server = try await WebServer.start(
                kind, coordinator: farm.port, webRoot: farm.webRoot, certificates: certificates)
            try await body(
                Front(
                    farm: farm, server: server, authorities: certificates.folder + "/ca.pem"))
            withExtendedLifetime(server) {}
        }
    }

    @Test(
        "People sign in by TLS, and are known by their own address, whatever they claim",
        arguments: WebServer.Kind.allCases)
    func signIn(kind: WebServer.Kind) async throws {
        try await withFront(kind) { front in
            let (farm, base) = (front.farm, front.server.base)
            try Files.replace("\(farm.folder)/password", with: "correct horse battery".utf8)
            let added = try await farm.aibuild([
                "user", "add", "anna", "--role", "administrator", "--password-file",
                "\(farm.folder)/password",
            ])
            #expect(added.status == .exited(0), "\(added)")
            let page = try await front.curl("\(base)/sign-in")
            #expect(page.contains("200") && page.contains("action=\"/sign-in\""), "\(page)")
            let forged = ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9"]
            let signedIn = try await front.curl(
                "-H", "Origin: \(base)", "-H", forged[0], "-H", forged[1], "-H",
                "X-Forwarded-Proto: http", "-d", "name=anna&password=correct+horse+battery",
                "\(base)/sign-in")
            #expect(signedIn.contains("303") && signedIn.contains("; Secure; "), "\(signedIn)")
            let put = try await front.curl(
                "-X", "PUT", "-H", "Authorization: Bearer \(farm.token ?? "")", "-H",
                "Content-Type: application/json", "-H", forged[0], "-H", forged[1], "-d",
                #"{"value":"correct-horse","guestOSes":["*"]}"#, "\(base)/api/v1/secrets/word")
            #expect(put.contains(#""changedBy":"local""#), "\(put)")
            let rows = FarmClient.text(try await farm.api.get("/api/v1/audit?action=secret"))
            #expect(rows.contains("\"address\":\"\(Self.address)\""), "\(rows)")

            let plain = try await front.curl(
                "http://127.0.0.1:\(front.server.plainPort)/builds?x=1")
            #expect(plain.contains("301"), "\(plain)")
            #expect(plain.contains("ocation: https://localhost/builds?x=1"), "\(plain)")
        }
    }

    @Test("Events arrive when they happen", arguments: WebServer.Kind.allCases)
    func events(kind: WebServer.Kind) async throws {
        try await withFront(kind) { front in
            let start = Clocks.monotonicMilliseconds()
            let first = Mutex<String?>(nil)
            // This stream never ends.
            try await front.client.follow("/api/v1/events") { event in
                first.withLock { $0 = event.name }
                return false
            }
            #expect(first.withLock(\.self) == "changed")
            // The next line of the stream, after 15 s, must not be what brings it.
            #expect(Clocks.monotonicMilliseconds() - start < 10_000)
        }
    }

    @Test(
        "Images come as files from the disk, in parts too; logs and what is hidden do not",
        arguments: WebServer.Kind.allCases)
    func images(kind: WebServer.Kind) async throws {
        try await withFront(kind) { front in
            let folder = "\(front.farm.webRoot)/images/build/debian"
            try Files.makeFolder(folder)
            for (name, text) in [
                ("a.qcow2", "0123456789"), ("latest.json", "{}"), ("a.log.ndjson", "log of it"),
                ("page.html", "<script>1</script>"), ("page.php", "<?php echo 42;"),
                ("page.shtml", "<!--#echo var=\"DATE_LOCAL\" -->"), (".part", "half"),
            ] { try Files.replace("\(folder)/\(name)", with: text.utf8) }
            try await front.farm.shell("ln -s /etc/passwd \(folder)/link")
            func get(_ name: String, _ words: String...) async throws -> String {
                try await front.curl(
                    (words.first ?? "-H"), (words.last ?? "Accept: */*"),
                    "\(front.server.base)/images/build/debian/\(name)"
                ).lowercased()
            }
            for name in ["a.qcow2", "latest.json", "page.html", "page.php", "page.shtml"] {
                let answer = try await get(name)
                #expect(answer.contains("x-content-type-options: nosniff"), "\(answer)")
                #expect(answer.contains("content-security-policy: sandbox"), "\(answer)")
                let type = name.hasSuffix("json") ? "json" : "octet-stream"
                #expect(answer.contains("content-type: application/\(type)"), "\(answer)")
                let text = try Files.read("\(folder)/\(name)", limitBytes: 100)
                #expect(answer.hasSuffix(String(decoding: text, as: UTF8.self).lowercased()))
                #expect(!answer.contains("x-request-id"), "not by the coordinator")
            }
            let part = try await get("a.qcow2", "-r", "2-4")
            #expect(part.contains("206") && part.hasSuffix("\r\n\r\n234"), "\(part)")
            #expect(part.contains("content-range: bytes 2-4/10"), "\(part)")

            for name in ["a.log.ndjson", "%61.log.ndjso%6e"] {
                let log = try await get(name)
                #expect(log.contains("401") && !log.contains("log of it"), "\(log)")
            }
            let token = "Authorization: Bearer \(front.farm.token ?? "")"
            #expect(try await get("a.log.ndjson", "-H", token).hasSuffix("log of it"))
            for name in [".part", "%2epart", "link", "none.qcow2", "..%2f..%2f..%2fsecret.key"] {
                let answer = try await get(name)
                #expect(answer.contains(#/^http/2 40[034]/#), "\(answer)")
                #expect(!answer.contains("half") && !answer.contains("root:"), "\(answer)")
            }
            #expect(try await get("").contains("a.qcow2</a>"), "the coordinator's list")
        }
    }

    @Test(
        "The coordinator says why a body is too large",
        arguments: WebServer.Kind.allCases)
    func bodies(kind: WebServer.Kind) async throws {
        try await withFront(kind) { front in
            func put(_ bytes: Int) async throws -> String {
                try await front.farm.shell(
                    """
                    head -c \(bytes) /dev/zero | curl -sS -i --http1.1 \
                        --cacert \(front.authorities) --max-time 60 -X PUT --data-binary @- \
                        -H 'Authorization: Bearer \(front.farm.token ?? "")' \
                        -H 'Content-Type: application/json' \
                        \(front.server.base)/api/v1/secrets/word 2>&1 || true
                    """)
            }
            #expect(try await put(8_000_000).contains("Invalid body"))
            #expect(try await put(9_000_000).contains("larger than 8388608 bytes"))
            // nginx does not even begin to pass it on.
            let huge = try await put(70_000_000)
            #expect(huge.contains("413"), "\(huge)")
            #expect(huge.contains("8388608") == (kind == .apache2), "\(huge)")
        }
    }
}
