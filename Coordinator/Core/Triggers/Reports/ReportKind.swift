import BuildProtocol
import FoundationEssentials

/// The kinds of programs whose hooks report changes of repositories.
public enum ReportKind: String, Sendable, Codable, CaseIterable {
    case gitlab, github, gitea, bitbucket
    /// Any program, with the headers of Standard Webhooks (standardwebhooks.com).
    case signed

    /// What it calls itself.
    public var title: String {
        switch self {
        case .gitlab: "GitLab"
        case .github: "GitHub"
        case .gitea: "Gitea"
        case .bitbucket: "Bitbucket"
        case .signed: "a signed hook"
        }
    }

    /// How a request proves that it comes from the hook.
    public enum Proof: Sendable, Hashable {
        /// A header has the secret itself.
        case secret(header: String)
        /// A header has the HMAC-SHA256 of the body, in hexadecimal digits after a prefix. The
        /// first header that there is decides.
        case digest(headers: [String], prefix: String)
        /// As Standard Webhooks.
        case standard
    }

    public var proof: Proof {
        switch self {
        case .gitlab: .secret(header: "X-Gitlab-Token")
        case .github: .digest(headers: ["X-Hub-Signature-256"], prefix: "sha256=")
        // Forgejo sends the headers of Gitea, too.
        case .gitea: .digest(headers: ["X-Gitea-Signature", "X-Forgejo-Signature"], prefix: "")
        case .bitbucket: .digest(headers: ["X-Hub-Signature"], prefix: "sha256=")
        case .signed: .standard
        }
    }

    /// The headers that name the event.
    public var eventHeaders: [String] {
        switch self {
        case .gitlab: ["X-Gitlab-Event"]
        case .github: ["X-GitHub-Event"]
        case .gitea: ["X-Gitea-Event", "X-Forgejo-Event"]
        case .bitbucket: ["X-Event-Key"]
        case .signed: []
        }
    }

    /// The headers that name the delivery, and are the same when it is sent again.
    public var deliveryHeaders: [String] {
        switch self {
        case .gitlab: ["Idempotency-Key"]
        case .github: ["X-GitHub-Delivery"]
        case .gitea: ["X-Gitea-Delivery", "X-Forgejo-Delivery"]
        case .bitbucket: ["X-Request-UUID", "X-Request-Id"]
        case .signed: ["webhook-id"]
        }
    }

    /// The changes that a request reports.
    /// - Parameters:
    ///   - body: JSON.
    ///   - event: the value of one of `eventHeaders`; `""` without one.
    /// - Throws: `UnusedReport` if it starts no build.
    public func reports(_ body: [UInt8], event: String) throws(UnusedReport) -> [GitReport] {
        switch self {
        case .gitlab: [try GitLabReport.read(decode(body, event), event)]
        case .github, .gitea: [try GitHubReport.read(decode(body, event), event)]
        case .bitbucket: try BitbucketReport.read(decode(body, event), event)
        case .signed: [try SignedReport.read(decode(body, event))]
        }
    }

    private func decode<T: Decodable>(
        _ body: [UInt8], _ event: String
    ) throws(UnusedReport) -> T {
        do { return try JSONDecoder().decode(T.self, from: Data(body)) } catch {
            let event = event.isEmpty ? "" : " (\(event))"
            throw UnusedReport("the request is not a report of \(title)\(event) in JSON")
        }
    }
}
