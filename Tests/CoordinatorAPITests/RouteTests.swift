import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import Foundation
import HTTPTypes
import Support
import TestSupport
import Testing

/// The routes, asked without a socket.
struct RouteTests {
    private let folder: TemporaryFolder
    private let api: API

    init() async throws {
        folder = try TemporaryFolder()
        api = try await API.leading(webRoot: folder.path)
    }

    private func ask(
        _ method: String, _ target: String, headers: HTTPHeaders = [:], body: String = ""
    ) async throws -> HTTPResponse {
        await api.respond(
            to: try HTTPRequest(
                method: method, target: target, headers: headers, body: Array(body.utf8)))
    }

    @Test("docs/api.md lists every route of the API, and no other")
    func documentListsEveryRoute() throws {
        // Each is a row of a table, whose first cell is the method and the path.
        let rows = try documentation().split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^\| `(GET|POST|PUT|DELETE) (\/[^`?\s]*)/)
        }
        let documented = rows.map { "\($0.1) \($0.2)" }
        let pages: Set = [
            "GET /", "GET /overview", "GET /builds/{id}", "GET /static/{name}",
        ]
        let served = Set(api.table.map { "\($0.method) \($0.pattern)" }).subtracting(pages)
        #expect(Set(documented) == served)
        #expect(documented.count == served.count, "a route is listed twice")
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
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "docs/api.md"), encoding: .utf8)
    }

    @Test(arguments: [
        "..", "a/b", "a\nb", "a\u{0}b", String(repeating: "x", count: 300), "镜像", "🐧", "", "-x",
        ".x",
    ])
    func aNameThatCannotBeAFolderIsRefused(name: String) async throws {
        let guestOS = try JSONEncoder().encode(
            ["name": name, "type": "linux"]
        )
        var body = String(decoding: guestOS, as: UTF8.self)
        body.removeLast()
        body += #","template":{"kind":"folder","path":"/nowhere"}}"#
        let answer = try await ask(
            "POST", "/api/v1/guestos", headers: ["Content-Type": "application/json"], body: body)
        #expect(answer.status == 400)
        let host = try JSONEncoder().encode([
            "name": name, "address": "root@localhost", "hostKey": "ssh-ed25519 AAAA",
        ])
        let second = try await ask(
            "POST", "/api/v1/hosts", headers: ["Content-Type": "application/json"],
            body: String(decoding: host, as: UTF8.self))
        #expect(second.status == 400)
    }

    /// A form of another site can send neither this type nor this method through a browser.
    @Test func aBodyThatIsNotSaidToBeJSONIsRefused() async throws {
        let answer = try await ask(
            "POST", "/api/v1/builds", headers: ["Content-Type": "text/plain"],
            body: #"{"guestOS":"x"}"#)
        #expect(answer.status == 415)
    }

    @Test func aMissingFieldIsNamed() async throws {
        let answer = try await ask(
            "POST", "/api/v1/hosts", headers: ["Content-Type": "application/json"],
            body: #"{"name":"a","address":"b@c"}"#)
        #expect(answer.status == 400)
        #expect(text(answer).contains("hostKey"))
    }

    @Test func aStandbySendsChangesAndLiveViewsToTheLeader() async throws {
        let standby = try await API.leading(
            webRoot: folder.path, standing: .standingBy(url: "http://leader:1"))
        for (method, target) in [
            ("POST", "/api/v1/builds"), ("DELETE", "/api/v1/hosts/a"),
            ("GET", "/api/v1/queue?x=%20"),
            ("GET", "/api/v1/builds/a/events"), ("GET", "/"),
        ] {
            let answer = await standby.respond(to: try HTTPRequest(method: method, target: target))
            #expect(answer.status == 307, "\(target)")
            #expect(answer.headers["Location"] == "http://leader:1" + target)
        }
        for target in ["/api/v1/builds", "/api/v1/guestos", "/healthz", "/api/v1/leader"] {
            let answer = await standby.respond(to: try HTTPRequest(method: "GET", target: target))
            #expect(answer.status == 200, "\(target)")
        }
    }

    @Test func withoutALeaderChangesAreToComeLater() async throws {
        let waiting = try await API.leading(webRoot: folder.path, standing: .standingBy(url: nil))
        let answer = await waiting.respond(
            to: try HTTPRequest(method: "POST", target: "/api/v1/builds"))
        #expect(answer.status == 503)
        #expect(answer.headers["Retry-After"] != nil)
        let ready = await waiting.respond(to: try HTTPRequest(method: "GET", target: "/readyz"))
        #expect(ready.status == 503)
    }

    @Test func theTokenGuardsAllButHealthAndImages() async throws {
        let guarded = try await API.leading(
            webRoot: folder.path, token: "a long enough secret")
        func status(_ target: String, _ headers: HTTPHeaders = [:]) async throws -> Int {
            await guarded.respond(
                to: try HTTPRequest(method: "GET", target: target, headers: headers)
            ).status
        }
        #expect(try await status("/api/v1/hosts") == 401)
        #expect(try await status("/") == 401)
        #expect(try await status("/api/v1/hosts", ["Authorization": "Bearer wrong"]) == 401)
        #expect(
            try await status("/api/v1/hosts", ["Authorization": "Bearer a long enough secret"])
                == 200)
        #expect(try await status("/healthz") == 200)
    }

    /// What arrives is never shown, whatever the path says.
    @Test func hiddenFilesAreNotServed() async throws {
        try Files.makeFolder(folder.path + "/images/build")
        try Files.replace(folder.path + "/images/build/.secret.part", with: Array("x".utf8))
        try Files.replace(folder.path + "/images/build/shown", with: Array("x".utf8))
        #expect(try await ask("GET", "/images/build/.secret.part").status == 404)
        #expect(try await ask("GET", "/images/build/shown").status == 200)
        let listing = text(try await ask("GET", "/images/build/"))
        #expect(listing.contains("shown"))
        #expect(!listing.contains("secret"))
    }

    private func text(_ response: HTTPResponse) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }
}
