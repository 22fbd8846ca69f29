import HTTPClientKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing
import TextKit

/// Invalid requests, and names that must not escape their folder.
@Suite struct APITests {
    private func withoutHosts(_ body: (Farm) async throws -> Void) async throws {
        try await withFarm(.withoutHosts, body)
    }

    static let badNames = [
        "..", ".", "", "../../etc/passwd", "a/b", "a\\b", "a\nb", "a\0b", "a b", "a\u{7F}",
        String(repeating: "a", count: 300), "win\u{1F600}", "-rf", ".hidden",
        "$(id)", "a;b", "%2e%2e", "<script>",
    ]

    @Test("Bad names are refused by every route")
    func badNamesAreRefused() async throws {
        try await withoutHosts { farm in
            try await farm.script("debian", Scripts.image())
            let folder = "\(farm.folder)/templates/debian"
            for name in Self.badNames {
                let quoted = FarmClient.quoted(name)
                let answers = [
                    try await farm.api.register(guestOS: name, folder: folder),
                    try await farm.api.addHost(
                        name: name, address: "root@127.0.0.1:22", hostKey: "ssh-ed25519 AAAA"),
                    try await farm.api.send(
                        "POST", "/api/v1/builds",
                        json: "{\"guestOS\":\"debian\",\"owner\":\(quoted)}"),
                ]
                for answer in answers {
                    #expect(answer.status == 400, "\(quoted): \(FarmClient.text(answer))")
                    let problem = try farm.api.problem(answer)
                    #expect(!problem.detail.contains("\n") && problem.detail.utf8.count < 500)
                }
                let unknown = try await farm.api.send(
                    "POST", "/api/v1/builds", json: "{\"guestOS\":\(quoted)}")
                #expect(unknown.status == 404, "\(quoted): \(FarmClient.text(unknown))")
                let encoded = PercentCoding.encode(name)
                for path in ["guestos/\(encoded)", "hosts/\(encoded)", "builds/\(encoded)"]
                // The client itself normalises dots in a path; see below.
                where !name.isEmpty && name != "." && name != ".." {
                    let answer = try await farm.api.get("/api/v1/\(path)")
                    #expect((400..<500).contains(answer.status), "\(path): \(answer.status)")
                }
            }
            let page = FarmClient.text(try await farm.api.get("/api/v1/guestos"))
            #expect(page.contains("debian") && !page.contains("passwd"))
        }
    }

    @Test("Nothing outside the web root is served")
    func onlyWebRootIsServed() async throws {
        try await withoutHosts { farm in
            try Files.replace("\(farm.webRoot)/images/build/.secret.part", with: "secret".utf8)
            for path in [
                "/images/../coordinator.yml", "/images/%2e%2e/coordinator.yml",
                "/images/..%2fcoordinator.yml", "/images/build/../../../coordinator.yml",
                "/images/build/.secret.part", "/images/%00", "/images/build/%2esecret.part",
                "/coordinator.yml",
                "/images/../../../../../../../etc/passwd", "/images/./build/.secret.part",
            ] {
                // curl sends the path unchanged.
                let answer = try await farm.shell(
                    "curl -s --path-as-is -w '\\n%{http_code}' "
                        + "-H 'Authorization: Bearer \(farm.token ?? "")' "
                        + "'\(farm.api.base)\(path)'")
                let status = answer.split(separator: "\n").last ?? ""
                #expect(["400", "404"].contains(status), "\(path): \(status)")
                #expect(!answer.contains("state_folder") && !answer.contains("root:"), "\(path)")
                #expect(!answer.contains("\nsecret\n") && !answer.hasPrefix("secret"))
            }
            // A doubled slash leads to the same path without it.
            let doubled = try await farm.shell(
                "curl -s -L -o /dev/null -w '%{num_redirects} %{http_code} %{url_effective}' "
                    + "-H 'Authorization: Bearer \(farm.token ?? "")' "
                    + "'\(farm.api.base)/images//etc/passwd'")
            #expect(doubled == "1 404 \(farm.api.base)/images/etc/passwd")
            let listing = FarmClient.text(try await farm.api.get("/images/build/"))
            #expect(!listing.contains("secret"))
        }
    }

    @Test("A wrong request gets a problem document that says what is wrong")
    func requestErrorsAreExplained() async throws {
        try await withoutHosts { farm in
            func expect(
                _ status: Int, _ words: String, _ answer: HTTPAnswer,
                sourceLocation: SourceLocation = #_sourceLocation
            ) throws {
                #expect(answer.status == status, sourceLocation: sourceLocation)
                let problem = try farm.api.problem(answer)
                #expect(problem.status == status, sourceLocation: sourceLocation)
                #expect(
                    (problem.detail + (problem.remedy ?? "")).contains(words),
                    "\(problem.detail)", sourceLocation: sourceLocation)
            }
            let api = farm.api
            try expect(404, "/api/v1/nothing", try await api.get("/api/v1/nothing"))
            let method = try await api.send("DELETE", "/api/v1/builds")
            try expect(405, "GET", method)
            #expect(method.headers["Allow"]?.contains("POST") == true)
            for json in ["", "{", "[]", "null", "{\"guestOS\":", "\u{FEFF}{}", "{\"guestOS\":7}"] {
                try expect(400, "", try await api.send("POST", "/api/v1/builds", json: json))
            }
            try expect(
                400, "field 'guestOS' is missing",
                try await api.send("POST", "/api/v1/builds", json: "{}"))
            try expect(
                400, "field 'priority'",
                try await api.send(
                    "POST", "/api/v1/builds", json: #"{"guestOS":"x","priority":"high"}"#))
            try expect(
                415, "Content-Type: application/json",
                try await api.send("POST", "/api/v1/builds", type: "text/plain"))
            try expect(404, "no build", try await api.get("/api/v1/builds/none"))
            try expect(400, "1 to 500", try await api.get("/api/v1/builds?limit=0"))
            try expect(400, "Unknown state", try await api.get("/api/v1/builds?state=odd"))
            let large = #"{"guestOS":""# + String(repeating: "x", count: 9 << 20) + #""}"#
            try expect(413, "", try await api.send("POST", "/api/v1/builds", json: large))
            let deep = String(repeating: "[", count: 200_000)
            try expect(400, "", try await api.send("POST", "/api/v1/builds", json: deep))
            #expect(try await api.get("/healthz").status == 200, "it lives")
        }
    }

    @Test("Priority and reason of a submission are bounded")
    func submissionIsBounded() async throws {
        try await withoutHosts { farm in
            try await farm.script("debian", Scripts.image())
            for json in [
                #"{"guestOS":"debian","priority":101}"#, #"{"guestOS":"debian","priority":-101}"#,
                #"{"guestOS":"debian","reason":""# + String(repeating: "r", count: 5000) + #""}"#,
            ] {
                let answer = try await farm.api.send("POST", "/api/v1/builds", json: json)
                #expect(answer.status == 400, "\(FarmClient.text(answer))")
            }
        }
    }

    @Test("A full queue refuses a submission")
    func fullQueueRefuses() async throws {
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.queuedBuilds = 3
        }
        try await withFarm(setup) { farm in
            try await farm.script("debian", Scripts.image())
            for _ in 0..<3 { _ = try await farm.api.submit("debian") }
            let answer = try await farm.api.send(
                "POST", "/api/v1/builds", json: #"{"guestOS":"debian"}"#)
            #expect(answer.status == 409)
            #expect(try farm.api.problem(answer).detail.contains("the queue is full"))
        }
    }

    @Test(
        "Without the token nothing but probes and images is served",
        arguments: ["correct-horse-battery-staple", nil])
    func tokenIsRequired(configured: String?) async throws {
        let setup = Farm.Setup {
            $0.hosts = 0
            $0.token = configured
        }
        try await withFarm(setup) { farm in
            let token = try #require(farm.token)
            let stranger = FarmClient(base: farm.api.base)
            for route in ["/api/v1/builds", "/", "/releases", "/api/v1/events", "/v1/guestos"] {
                #expect(try await stranger.get(route).status == 401, "\(route)")
            }
            #expect(try await stranger.send("POST", "/api/v1/builds").status == 401)
            #expect(try await stranger.get("/healthz").status == 200)
            #expect(try await stranger.get("/readyz").status == 200)
            #expect(try await stranger.get("/images/").status == 200)
            for (given, status) in [(token, 200), (String(token.dropLast()), 401), ("", 401)] {
                let answer = try await stranger.get(
                    "/api/v1/builds", headers: ["Authorization": "Bearer \(given)"])
                #expect(answer.status == status)
            }
        }
    }

    @Test("The token that a coordinator creates is private, and stays over restarts")
    func createdTokenIsPrivate() async throws {
        try await withFarm(.withoutHosts) { farm in
            let first = try #require(farm.token)
            #expect(first.utf8.count == 64)
            let mode = try await farm.shell("stat -c %a coordinator/api.token")
            #expect(mode == "600\n")
            try await farm.stopCoordinator()
            try await farm.startCoordinator()
            #expect(farm.token == first)
            #expect(try await farm.api.get("/api/v1/builds").status == 200)
        }
    }

    @Test("aibuild web prints an address that signs one browser in, once")
    func browserSignsIn() async throws {
        try await withFarm(.withoutHosts) { farm in
            let program = try FarmProgram.path("aibuild")
            let jar = "\(farm.folder)/cookies"
            let page = try await farm.shell(
                "url=$(AIBUILD_URL=\(farm.api.base) \(program) web); "
                    + "curl -sL -c \(jar) -b \(jar) $url; curl -s -o /dev/null "
                    + "-w ' %{http_code}' $url")
            // Nobody could add users but the machine itself.
            #expect(page.contains("<h1>The first administrator</h1>"))
            let farmPage = try await farm.shell("curl -s -b \(jar) \(farm.api.base)/")
            #expect(farmPage.contains(">The farm</h1>"))
            #expect(page.hasSuffix(" 401"), "the address works once")
            let post =
                "curl -s -o /dev/null -w '%{http_code}' -b \(jar) -d '{}' "
                + "-H 'Content-Type: application/json' \(farm.api.base)/api/v1/builds"
            #expect(try await farm.shell(post) == "401", "the cookie alone changes nothing")
            let own = try await farm.shell(post + " -H 'Origin: \(farm.api.base)'")
            #expect(own == "400")
            let foreign = try await farm.shell(post + " -H 'Origin: http://evil.example'")
            #expect(foreign == "403")
        }
    }

    @Test("Lists are paged and filtered")
    func listsArePagedAndFiltered() async throws {
        try await withoutHosts { farm in
            try await farm.script("debian", Scripts.image())
            try await farm.script("centos", Scripts.image())
            var ids: [String] = []
            for _ in 0..<5 { ids.append(try await farm.api.submit("debian").id) }
            let other = try await farm.api.submit("centos").id
            func page(_ query: String) async throws -> FarmList<FarmBuild> {
                try FarmClient.decode(
                    FarmList<FarmBuild>.self, try await farm.api.get("/api/v1/builds?" + query))
            }
            var seen: [String] = []
            var after = ""
            repeat {
                let items = try await page("limit=2&guestos=debian\(after)")
                #expect(items.items.count <= 2)
                seen += items.items.map(\.id)
                after = items.next.map { "&after=\($0)" } ?? ""
            } while !after.isEmpty
            #expect(Set(seen) == Set(ids) && seen.count == 5)
            #expect(try await page("state=queued").items.count == 6)
            #expect(try await page("state=passed&state=failed").items.isEmpty)
            #expect(try await page("guestos=centos").items.map(\.id) == [other])
            #expect(try await farm.api.build("debian:3").number == 3)
        }
    }
}
