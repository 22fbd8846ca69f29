public import CoordinatorCore
import FoundationEssentials
import Support
import TextKit

/// A Git server, or another program, whose hook reports changes of repositories.
public struct HookSource: Sendable {
    /// Part of the address of the hook: `/api/v1/hooks/<name>`.
    public var name: String
    public var kind: ReportKind
    /// The server's address, below which its projects are; `nil`: reports have whole addresses.
    public var server: GitAddress?
    private let secret: Secret
    /// For the statuses of commits; `nil`: none are sent.
    public var token: Secret?

    /// The one of `gitlab:` in coordinator.yml, whose hooks the coordinator makes itself.
    public static let gitLab = "gitlab"

    /// How far the clock of a signed report may be off: a report that somebody recorded is refused
    /// afterwards, and until then found by its key.
    private static let windowMilliseconds: Int64 = 5 * 60_000

    public init(
        name: String, kind: ReportKind, url: String?, secret: Secret, token: Secret? = nil
    ) {
        self.name = name
        self.kind = kind
        server = url.map { GitAddress($0) }
        self.secret = secret
        self.token = token
    }

    /// Whether the template is in the project that a report names.
    public func isKept(_ template: TemplateSource, inProject path: String) -> Bool {
        guard case .git(let url, _) = template else { return false }
        let address = GitAddress(url)
        guard let server else {
            return Self.isSame(address.url, path)
        }
        guard let project = address.project(on: server) else { return false }
        // Servers find a project however its path is capitalized.
        return project.lowercased() == path.lowercased()
    }

    /// Those that a report may have built, by their names.
    func guestOSes(of report: GitReport, in ports: Ports) async throws -> [GuestOS] {
        var found: [GuestOS] = []
        try await ports.eachGuestOS { guestOS in
            if isKept(guestOS.template, inProject: report.project) { found.append(guestOS) }
        }
        return found
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        func plain(_ url: String) -> String {
            var url = GitAddress(url).url.lowercased()
            for end in ["/", ".git"] where url.hasSuffix(end) { url.removeLast(end.count) }
            return url
        }
        return plain(a) == plain(b)
    }

    /// Whether the headers carry a proof at all, before a body is read; that of GitLab is in them.
    public func mayBeGenuine(_ header: (String) -> String?) -> Bool {
        switch kind.proof {
        case .secret(let name): isSecret(header(name) ?? "")
        case .digest(let names, _): names.contains { header($0) != nil }
        case .standard: header("webhook-signature") != nil
        }
    }

    /// What besides the secret is wrong with a request; `nil` if nothing is.
    public func flaw(_ header: (String) -> String?, nowMilliseconds now: Int64) -> String? {
        guard kind.proof == .standard else { return nil }
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"]
        where (header(name) ?? "").isEmpty {
            return "the header \(name) is missing or empty"
        }
        guard let seconds = header("webhook-timestamp").flatMap({ Int64($0) }),
            (0...253_402_300_799).contains(seconds)
        else { return "webhook-timestamp is no time in Unix seconds" }
        let off = abs(seconds - now / 1000)
        return off * 1000 <= Self.windowMilliseconds
            ? nil
            : "webhook-timestamp is \(off) s off: check both clocks, and that it is in seconds"
    }

    /// Whether the request was made with the secret of the hook. Takes the same time for any proof.
    public func isGenuine(
        _ header: (String) -> String?, _ body: [UInt8], nowMilliseconds now: Int64
    ) -> Bool {
        switch kind.proof {
        case .secret(let name): return isSecret(header(name) ?? "")
        case .digest(let names, let prefix):
            guard let text = names.lazy.compactMap(header).first, text.hasPrefix(prefix) else {
                return false
            }
            let digest = HMAC.sha256(body, key: Array(secret.reveal.utf8))
            return HMAC.isEqual(
                Array(text.dropFirst(prefix.count).lowercased().utf8),
                Array(Hex.encode(digest).utf8))
        case .standard: return isStandard(header, body, now)
        }
    }

    private func isSecret(_ text: String) -> Bool {
        // Digests are compared, so that the time taken reveals nothing about the secret.
        SHA256.hex(text.utf8) == SHA256.hex(secret.reveal.utf8)
    }

    /// `webhook-signature` has one or several of `v1,<base64>`, of `<id>.<timestamp>.<body>`.
    private func isStandard(
        _ header: (String) -> String?, _ body: [UInt8], _ now: Int64
    ) -> Bool {
        guard let id = header("webhook-id"), let timestamp = header("webhook-timestamp"),
            let seconds = Int64(timestamp), (0...253_402_300_799).contains(seconds),
            abs(seconds * 1000 - now) <= Self.windowMilliseconds,
            let signatures = header("webhook-signature"),
            let digest = StandardWebhook.digest(
                id: id, timestamp: timestamp, body, secret: secret.reveal)
        else { return false }
        return signatures.split(separator: " ").prefix(10).contains { signature in
            guard signature.hasPrefix("v1,"),
                let given = Data(base64Encoded: String(signature.dropFirst(3)))
            else { return false }
            return HMAC.isEqual(Array(given), digest)
        }
    }
}
