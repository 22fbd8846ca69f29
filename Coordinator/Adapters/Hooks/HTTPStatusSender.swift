public import CoordinatorCore
import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// Sends statuses to GitLab, GitHub, Gitea or Forgejo, and Bitbucket by their APIs.
public struct HTTPStatusSender: CommitStatusSender {
    private let http: HTTPClient
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 10, stallSeconds: 20, totalSeconds: 30)

    /// - Parameter authorities: a file of trusted authorities; `nil`: the system's.
    public init(authorities: String?) {
        var limits = HTTPClientLimits()
        limits.answerBytes = 1 << 20
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: authorities))
    }

    public func send(
        _ status: CommitStatus, to kind: ReportKind, server: String, token: Secret
    ) async throws {
        guard let request = StatusRequest(status, kind, server: server, token: token.reveal) else {
            return
        }
        let body = try CanonicalJSON.encode(request.body)
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await http.request(
                "POST", request.url, headers: request.headers, body: body,
                timeouts: Self.timeouts)
        } catch {
            throw StatusFault(
                .unavailable, "cannot send the status of \(status.commit.prefix(12))",
                cause: error)
        }
        if (200..<300).contains(answer.status) { return }
        let said = String(decoding: answer.body.prefix(300), as: UTF8.self).visible
        // GitLab refuses a second equal status, and a step back.
        if kind == .gitlab, answer.status == 400, said.contains("Cannot transition status") {
            return
        }
        let advice =
            switch answer.status {
            case 401, 403: ". Check the token of this hook: it needs the right to set statuses"
            case 404: ". Check that the token may see the project \(status.project)"
            default: ""
            }
        throw StatusFault(
            answer.status == 429 || answer.status >= 500 ? .unavailable : .usual,
            "\(kind.title) responded with \(answer.status) to the status of "
                + "\(status.commit.prefix(12)) in \(status.project) (\(said))\(advice)")
    }
}

/// The request that sets a status, as each kind of server documents it.
struct StatusRequest {
    var url: String
    var headers: HTTPHeaders
    var body: [String: String]

    /// `nil` if the kind has no statuses.
    init?(_ status: CommitStatus, _ kind: ReportKind, server: String, token: String) {
        var server = server
        while server.utf8.last == UInt8(ascii: "/") { server.removeLast() }
        let path = status.project.split(separator: "/").map {
            PercentCoding.encode(String($0))
        }.joined(separator: "/")
        headers = ["Accept": "application/json", "Content-Type": "application/json"]
        // Gitea documents this word.
        headers.set("Authorization", (kind == .gitea ? "token " : "Bearer ") + token)
        switch kind {
        case .gitlab:
            headers = ["Accept": "application/json", "Content-Type": "application/json"]
            headers.set("PRIVATE-TOKEN", token)
            url =
                "\(server)/api/v4/projects/\(PercentCoding.encode(status.project))/statuses/"
                + status.commit
            body = ["state": Self.gitLab(status.state), "name": status.context]
            if let ref = status.ref { body["ref"] = ref }
        case .github, .gitea:
            url =
                (kind == .github ? Self.gitHubAPI(server) : server + "/api/v1")
                + "/repos/\(path)/statuses/\(status.commit)"
            body = ["state": Self.gitHub(status.state), "context": status.context]
        case .bitbucket:
            url =
                Self.isCloud(server)
                ? "https://api.bitbucket.org/2.0/repositories/\(path)/commit/\(status.commit)"
                    + "/statuses/build"
                : Self.dataCenter(server) + "/rest/build-status/1.0/commits/\(status.commit)"
            body = ["state": Self.bitbucket(status.state), "name": status.context]
            // At most 40 characters.
            body["key"] = "aibuild-" + SHA256.hex(status.context.utf8).prefix(24)
        case .signed: return nil
        }
        body["description"] = status.description
        let link = kind == .bitbucket ? "url" : "target_url"
        if let page = status.url { body[link] = page }
        // Bitbucket does not accept a status without one.
        if kind == .bitbucket, body[link] == nil { body[link] = server }
    }

    private static func gitHubAPI(_ server: String) -> String {
        let host = server.split(separator: "/").last.map { $0.lowercased() }
        return host == "github.com" ? "https://api.github.com" : server + "/api/v3"
    }

    private static func isCloud(_ server: String) -> Bool {
        server.split(separator: "/").last.map { $0.lowercased() } == "bitbucket.org"
    }

    /// Its repositories are below `/scm`, its API is not.
    private static func dataCenter(_ server: String) -> String {
        server.hasSuffix("/scm") ? String(server.dropLast(4)) : server
    }

    private static func gitLab(_ state: CommitStatus.State) -> String {
        switch state {
        case .pending: "pending"
        case .running: "running"
        case .passed: "success"
        case .failed: "failed"
        case .cancelled: "canceled"
        }
    }

    private static func gitHub(_ state: CommitStatus.State) -> String {
        switch state {
        case .pending, .running: "pending"
        case .passed: "success"
        case .failed: "failure"
        case .cancelled: "error"
        }
    }

    private static func bitbucket(_ state: CommitStatus.State) -> String {
        switch state {
        case .pending, .running: "INPROGRESS"
        case .passed: "SUCCESSFUL"
        case .failed, .cancelled: "FAILED"
        }
    }
}
