import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// GitLab's REST API, version 4: requests and responses as values, refusals as sentences.
struct GitLabAPI: Sendable {
    typealias Fault = Failure

    struct Group: Decodable {
        var id: Int
        var full_path: String
    }

    struct Project: Decodable {
        var id: Int
        var path_with_namespace: String
        var archived: Bool?
    }

    struct Hook: Decodable {
        var id: Int
        var url: String
        var push_events: Bool
        var tag_push_events: Bool?
        var enable_ssl_verification: Bool?
    }

    /// The body of a refusal, which has one of several forms.
    private struct Refusal: Decodable {
        var message: Message?
        var error: Message?

        enum Message: Decodable {
            case text(String)
            case fields([String: [String]])

            init(from decoder: any Decoder) throws {
                if let fields = try? [String: [String]](from: decoder) {
                    self = .fields(fields)
                } else {
                    self = .text(try String(from: decoder))
                }
            }

            var text: String {
                switch self {
                case .text(let text): text
                case .fields(let fields):
                    fields.sorted { $0.key < $1.key }.map { key, message in
                        "\(key) \(message.joined(separator: ", "))"
                    }.joined(separator: "; ")
                }
            }
        }
    }

    let settings: GitLabSettings
    private let http: HTTPClient
    /// Hooks of one project: GitLab allows a hundred.
    private static let pages = 10
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 10, stallSeconds: 30, totalSeconds: 60)

    init(_ settings: GitLabSettings) {
        self.settings = settings
        var limits = HTTPClientLimits()
        limits.answerBytes = 4 << 20
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: settings.authorities))
    }

    /// - Returns: `nil` if there is none that the token may see.
    func find<T: Decodable>(_ type: T.Type, _ path: String) async throws(Fault) -> T? {
        let answer = try await send("GET", path, nil)
        if answer.status == 404 { return nil }
        return try decode(type, answer, "read \(path)")
    }

    /// - Returns: `nil` if GitLab reports that it exists already.
    func make<T: Decodable>(
        _ type: T.Type, _ path: String, _ body: some Encodable, what: String
    ) async throws(Fault) -> T? {
        let answer = try await send("POST", path, body)
        let isTaken =
            answer.status == 409
            || (answer.status == 400 && message(answer).contains("has already been taken"))
        if isTaken { return nil }
        return try decode(type, answer, "create \(what)")
    }

    func change(_ path: String, _ body: some Encodable, what: String) async throws(Fault) {
        let answer = try await send("PUT", path, body)
        guard answer.status == 200 else { throw refused(answer, "change \(what)") }
    }

    func hooks(ofProject id: Int) async throws(Fault) -> [Hook] {
        var hooks: [Hook] = []
        var page = "1"
        for _ in 0..<Self.pages {
            let path = "projects/\(id)/hooks?per_page=100&page=\(PercentCoding.encode(page))"
            let answer = try await send("GET", path, nil)
            hooks += try decode([Hook].self, answer, "list the hooks of the project")
            page = answer.headers["X-Next-Page"] ?? ""
            if page.isEmpty { break }
        }
        return hooks
    }

    private func send(
        _ method: String, _ path: String, _ body: (any Encodable)?
    ) async throws(Fault) -> HTTPAnswer {
        var headers: HTTPHeaders = ["PRIVATE-TOKEN": settings.token, "Accept": "application/json"]
        var bytes: [UInt8] = []
        if let body {
            headers.set("Content-Type", "application/json")
            guard let encoded = try? CanonicalJSON.encode(body) else {
                throw Fault("cannot encode the request to GitLab")
            }
            bytes = encoded
        }
        let sent = headers
        do throws(HTTPClientError) {
            return try await http.request(
                method, "\(settings.url)/api/v4/\(path)", headers: sent, body: bytes,
                timeouts: Self.timeouts)
        } catch { throw Fault(cause: error) }
    }

    private func decode<T: Decodable>(
        _ type: T.Type, _ answer: HTTPAnswer, _ what: String
    ) throws(Fault) -> T {
        guard (200..<300).contains(answer.status) else { throw refused(answer, what) }
        guard let value = try? JSONDecoder().decode(type, from: Data(answer.body)) else {
            throw Fault(
                "cannot \(what): \(settings.url) does not respond like GitLab's API. Check "
                    + "that it is the address of a GitLab server")
        }
        return value
    }

    private func refused(_ answer: HTTPAnswer, _ what: String) -> Fault {
        let advice =
            switch answer.status {
            case 401: ". The token is invalid or expired: write a new one to gitlab.token_file"
            case 403:
                ". The token's owner needs the scope api and the role Maintainer"
            case 429: ". GitLab limits the rate of requests: try again in a minute"
            case 500...: ". Try again when GitLab has recovered"
            default: ""
            }
        let message = message(answer)
        return Fault(
            "cannot \(what): GitLab responded with \(answer.status)"
                + (message.isEmpty ? "" : " (\(message))") + advice)
    }

    private func message(_ answer: HTTPAnswer) -> String {
        guard let refusal = try? JSONDecoder().decode(Refusal.self, from: Data(answer.body)) else {
            return ""
        }
        return String((refusal.message ?? refusal.error)?.text.prefix(300) ?? "")
    }
}
