public import CoordinatorCore
import HTTPClientKit
import TextKit

/// How the coordinator's Git reaches servers: proxy, trusted authorities, and the credential of the
/// GitLab server.
public struct GitAccess: Sendable {
    /// The server whose private projects are fetched with `token`. No other server gets it.
    public var gitLab: (address: GitAddress, token: String)?
    /// Of these, the one whose address is longest is used.
    public var logins: [GitLogin] = []
    /// A file of known host keys for SSH, instead of that of the coordinator's user.
    public var knownHosts: String?
    /// Where repositories may be that others name as their submodules, besides beside them.
    public var submodules: [GitAddress] = []
    public var limits = GitLimits()
    /// For HTTP and HTTPS; `nil`: that of `inherited`.
    public var proxy: String?
    /// Hosts, domains and networks that are reached without the proxy.
    public var noProxy: [String] = []
    /// A file of trusted authorities, instead of the system's.
    public var authorities: String?
    /// The variables of `proxyVariables` from the coordinator's own environment.
    public var inherited: [String: String] = [:]

    public init() {}

    /// The variables by which a service manager gives a proxy to a program, as libcurl reads them:
    /// it ignores `HTTP_PROXY`, which a CGI program takes from a request.
    public static let proxyVariables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
        "NO_PROXY",
    ]

    /// How Git runs ssh. The path of the file has no quotes; ssh splits it at spaces otherwise.
    var ssh: String {
        "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15"
            + (knownHosts.map { " -o 'UserKnownHostsFile=\"\($0)\"'" } ?? "")
    }

    /// What Git's environment contains for this. The proxy's URL may have a password.
    var environment: [String: String] {
        var environment = inherited
        environment["GIT_SSH_COMMAND"] = ssh
        if let proxy {
            for name in Self.proxyVariables { environment[name] = nil }
            environment["http_proxy"] = proxy
            environment["https_proxy"] = proxy
            environment["no_proxy"] = noProxy.joined(separator: ",")
        }
        if let authorities { environment["GIT_SSL_CAINFO"] = authorities }
        return environment
    }

    /// For requests of the coordinator itself, which must not reach through a proxy what is closed.
    func httpProxy(for url: String, closed: [IPv4Network]) -> HTTPProxy {
        let names =
            url.utf8.starts(with: "https:".utf8)
            ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
        let inherited = (names + ["all_proxy", "ALL_PROXY"]).lazy
            .compactMap { self.inherited[$0] }.first
        let list = self.inherited["no_proxy"] ?? self.inherited["NO_PROXY"] ?? ""
        let direct = proxy == nil ? [list] : noProxy
        return HTTPProxy(
            url: proxy ?? inherited ?? "",
            direct: direct.filter { !$0.isEmpty } + ["localhost"] + closed.map(\.description))
    }

    /// The user name that goes with an access token; GitLab accepts any.
    private static let tokenUser = "oauth2"

    /// What to log in with at this address; `nil` if nothing is known.
    func credential(for address: GitAddress) -> GitAddress.Credential? {
        if let own = address.credential { return own }
        guard let gitLab, address.isBelow(gitLab.address) else { return nil }
        return GitAddress.Credential(user: Self.tokenUser, password: gitLab.token)
    }

    func login(for address: GitAddress) -> GitLogin? {
        logins.filter { address.isBelow($0.address) }
            .max { $0.address.url.utf8.count < $1.address.url.utf8.count }
    }

    /// Completes an error of Git if the server wants another login.
    /// - Parameter hasLogin: whether `.netrc` has one for the server.
    func remedy(_ message: String, _ address: GitAddress, hasLogin: Bool) -> String? {
        let refusals = [
            "Authentication failed", "could not read Username", "could not read Password",
            "Access denied", "error: 401", "error: 403", "Permission denied (publickey",
        ]
        guard refusals.contains(where: message.contains) else { return nil }
        if address.credential == nil, let login = login(for: address) {
            return "The server refuses git.logins.\(login.name) of coordinator.yml: check the "
                + "\(login.secret.place), its expiry and its rights"
        }
        if address.credential == nil, let gitLab, address.isBelow(gitLab.address) {
            return "GitLab refuses the token of gitlab.token_file for this project: the token "
                + "needs the scope api or read_repository, and its owner the role Reporter"
        }
        if hasLogin {
            return "The server refuses the login that .netrc of the coordinator has for it: check "
                + "the token's expiry and scope"
        }
        return "Give the coordinator access to this repository: see Private repositories in "
            + "docs/templates.md"
    }
}
