@testable import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import Foundation
import HTTPTypes
import Support
import TestSupport
import Testing

@Suite("Routes") struct RouteTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private let folder: TemporaryFolder
    private let api: API

    init() async throws {
        folder = try TemporaryFolder()
        api = try await API.leading(webRoot: folder.path)
    }

    private func ask(
        _ method: String, _ target: String, _ body: String = "",
        type: String = "application/json"
    ) async throws -> Answer {
        try await api.ask(method, target, body, headers: ["Content-Type": type])
    }

    @Test("docs/api.md lists every route of the API, and no other")
    func documentListsEveryRoute() throws {
        // Each is a row of a table, whose first cell is the method and the path.
        let rows = try documentation().split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^\| `(GET|POST|PUT|DELETE) (\/[^`?\s]*)(?:\?([^`]*))?`/)
        }
        let documented = rows.map { "\($0.1) \($0.2)" }
        for route in api.table {
            guard case .only(let names) = route.query else { continue }
            let row = rows.first { $0.1 == route.method && $0.2 == route.pattern }
            let shown = row?.3.map { $0.split(separator: "&").map { String($0.dropLast()) } } ?? []
            #expect(shown == names, "parameters of \(route.method) \(route.pattern)")
        }
        let pages: Set = [
            "GET /", "GET /style", "GET /deliveries", "GET /builds/{id}", "GET /static/{name}",
            "GET /sign-in",
        ]
        let served = Set(api.table.map { "\($0.method) \($0.pattern)" }).subtracting(pages)
        #expect(Set(documented) == served)
        #expect(documented.count == served.count, "a route is listed twice")
    }

    @Test("Every route of the API refuses a parameter that it does not know")
    func refusesUnknownParameters() async throws {
        // A Git server would disable the hook.
        let open = ["/api/v1/hooks/{name}"]
        let routes = api.table.filter {
            $0.pattern.hasPrefix("/api/") && !open.contains($0.pattern)
        }
        #expect(routes.count > 50)
        for route in routes {
            let path = route.pattern.replacing(/\{[^}]*\}/, with: "x")
            let answer = try await ask(route.method, path + "?colour=red", "{}")
            #expect(answer.status == 400, "\(route.method) \(route.pattern)")
            #expect(
                answer.text.contains("Unknown parameter 'colour' of \(route.method) \(path)"),
                "\(answer.text)")
        }
        let near = try await ask("GET", "/api/v1/builds?guestOS=debian12")
        #expect(near.status == 400)
        #expect(
            near.text.contains("Did you mean 'guestos'? It takes guestos, state, after, limit"),
            "\(near.text)")
        #expect(try await ask("GET", "/healthz?now").status == 200)
    }

    @Test("Every example of a body in docs/api.md is JSON")
    func documentedExamplesAreJSON() throws {
        let parts = try documentation().split(separator: "```json\n").dropFirst()
        #expect(parts.count > 15)
        for part in parts {
            let example = part[..<(part.firstRange(of: "```")?.lowerBound ?? part.endIndex)]
            #expect(throws: Never.self, "\(example)") {
                try JSONSerialization.jsonObject(with: Data(example.utf8))
            }
        }
    }

    private func documentation() throws -> String {
        try String(contentsOf: Self.root.appending(path: "docs/api.md"), encoding: .utf8)
    }

    @Test("The remedy for a template that cannot be registered speaks of no build")
    func refusedTemplate() async throws {
        let answer = try await API.leading().ask(
            "POST", "/api/v1/guestos",
            #"{"name":"a","type":"linux","template":{"kind":"folder","path":"/t"}}"#)
        #expect(answer.status == 422)
        #expect(answer.text.contains("Fix the template, then try again"), "\(answer.text)")
    }

    @Test(
        "A name that cannot be a folder is refused",
        arguments: [
            "..", "a/b", "a\nb", "a\u{0}b", String(repeating: "x", count: 300), "🐧", "", "-x",
            ".x",
        ])
    func refusesUnusableNames(name: String) async throws {
        let guestOS = try JSONEncoder().encode(
            ["name": name, "type": "linux"]
        )
        var body = String(decoding: guestOS, as: UTF8.self)
        body.removeLast()
        body += #","template":{"kind":"folder","path":"/nowhere"}}"#
        let answer = try await ask(
            "POST", "/api/v1/guestos", body)
        #expect(answer.status == 400)
        let host = try JSONEncoder().encode([
            "name": name, "address": "root@localhost", "hostKey": "ssh-ed25519 AAAA",
        ])
        let second = try await ask(
            "POST", "/api/v1/hosts", String(decoding: host, as: UTF8.self))
        #expect(second.status == 400)
    }

    /// A form of another site can send neither this type nor this method through a browser.
    @Test("A body that is not declared as JSON is refused") func refusesOtherMediaTypes()
        async throws
    {
        let answer = try await ask(
            "POST", "/api/v1/builds", #"{"guestOS":"x"}"#, type: "text/plain")
        #expect(answer.status == 415)
    }

    @Test("The page shows that a drained host is unreachable as well")
    func drainedAndUnreachable() async throws {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL1fpRHjiQ+Hj+yueF4icZUqAdgAkKLPXim47T7xQ/fZ"
        let added = try await ask(
            "POST", "/api/v1/hosts", #"{"name":"kvm1","address":"b@c","hostKey":"\#(key)"}"#)
        #expect(added.status == 201, "\(added.text)")
        let drained = try await ask(
            "POST", "/api/v1/hosts/kvm1/drain", #"{"note":"new disks"}"#)
        #expect(drained.status == 200, "\(drained.text)")
        let page = try await ask("GET", "/").text
        #expect(page.contains("</span> unreachable") && page.contains("</span> drained"), "\(page)")
        #expect(page.contains("; drained: new disks"), "\(page)")
    }

    @Test("A missing field is named") func namesAMissingField() async throws {
        let answer = try await ask(
            "POST", "/api/v1/hosts", #"{"name":"a","address":"b@c"}"#)
        #expect(answer.status == 400)
        #expect(answer.text.contains("hostKey"))
    }

    @Test("A standby redirects changes and live views to the leader") func redirectsToTheLeader()
        async throws
    {
        let standby = try await API.leading(standing: .standingBy(url: "http://leader:1"))
        for (method, target) in [
            ("POST", "/api/v1/builds"), ("DELETE", "/api/v1/hosts/a"),
            ("GET", "/api/v1/queue?x=%20"),
            ("GET", "/api/v1/builds/a/events"), ("GET", "/"),
        ] {
            let answer = try await standby.ask(method, target)
            #expect(answer.status == 307, "\(target)")
            #expect(answer.headers["Location"] == "http://leader:1" + target)
        }
        for target in [
            "/api/v1/builds", "/api/v1/guestos", "/healthz", "/api/v1/leader", "/metrics",
        ] {
            let answer = try await standby.ask("GET", target)
            #expect(answer.status == 200, "\(target)")
        }
    }

    @Test("While no coordinator leads, changes get 503 with Retry-After") func asksToRetryLater()
        async throws
    {
        let waiting = try await API.leading(standing: .standingBy(url: nil))
        let answer = try await waiting.ask("POST", "/api/v1/builds")
        #expect(answer.status == 503)
        #expect(answer.headers["Retry-After"] != nil)
        let ready = try await waiting.ask("GET", "/readyz")
        #expect(ready.status == 503)
    }

    @Test("A store that can be read and not written is not ready") func reportsAFullDisk()
        async throws
    {
        let full = try await API.leading(storeProblem: "the disk of the database is full")
        let answer = try await full.ask("GET", "/readyz", isStranger: true)
        #expect(answer.status == 503)
        #expect(answer.text.contains("the disk of the database is full"))
        #expect(try await api.ask("GET", "/readyz").status == 200)
    }

    @Test("Files that are still arriving are neither served nor listed") func hidesIncomingFiles()
        async throws
    {
        try Files.makeFolder(folder.path + "/images/build")
        try Files.replace(folder.path + "/images/build/.secret.part", with: Array("x".utf8))
        try Files.replace(folder.path + "/images/build/shown", with: Array("x".utf8))
        #expect(try await ask("GET", "/images/build/.secret.part").status == 404)
        #expect(try await ask("GET", "/images/build/shown").status == 200)
        let listing = try await ask("GET", "/images/build/").text
        #expect(listing.contains("shown"))
        #expect(!listing.contains("secret"))
    }

    @Test("Each page asset is served as the file in the source tree, under an address of its own")
    func servesPageAssets() async throws {
        let folder = Self.root.appending(path: "Coordinator/API/Pages/Assets").path
        #expect(try Set(Files.list(folder)) == Set(StaticFile.allCases.map(\.rawValue)))
        for file in StaticFile.allCases {
            let answer = try await ask("GET", file.path)
            #expect(answer.status == 200)
            let type = file.rawValue.hasSuffix(".css") ? "text/css" : "text/javascript"
            #expect(answer.headers["Content-Type"] == "\(type); charset=utf-8")
            #expect(answer.headers["Cache-Control"]?.contains("immutable") == true)
            let source = try Files.read(folder + "/" + file.rawValue, limitBytes: 1 << 20)
            #expect(answer.bytes == source)
            #expect(file.path.contains(SHA256.hex(source).prefix(12)))
        }
        for name in ["nothing.js", "style.css", "style.0123456789ab.css"] {
            #expect(try await ask("GET", "/static/\(name)").status == 404)
        }
    }
}
