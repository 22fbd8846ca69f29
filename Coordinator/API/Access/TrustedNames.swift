import HTTPTypes
import TextKit

/// The names by which clients reach this coordinator, and whose pages may change something.
///
/// A page of another site can make a browser on the coordinator's network send requests here, under
/// a name of its own that resolves to this machine (DNS rebinding) or across sites. Both show in
/// the headers, which such a page cannot set.
public struct TrustedNames: Sendable {
    private let own: Set<Authority>
    private let hosts: Set<String>
    private let pageHosts: Set<String>

    /// - Parameters:
    ///   - url: of this coordinator, where its pages are.
    ///   - otherURLs: under which it is reached as well, but whose pages may be another server's.
    ///   - hosts: further names of this coordinator.
    public init(url: String, otherURLs: [String] = [], hosts: [String] = []) {
        let named = Set(hosts.compactMap { Authority($0)?.host })
        own = Set([Authority(url: url)].compactMap(\.self))
        pageHosts = named
        self.hosts = named.union(own.map(\.host))
            .union(otherURLs.compactMap { Authority(url: $0)?.host })
    }

    /// Why the request is not meant for this coordinator, or is sent by a page that is not its own;
    /// `nil` if neither.
    func refusal(of request: HTTPRequest) -> Problem? {
        guard let text = request.headers["Host"], let host = Authority(text) else {
            return .badRequest("The request does not say which host it is for (Host)")
        }
        // An address cannot be made to resolve to another machine.
        guard host.isAddress || host.isLoopback || hosts.contains(host.host) else {
            return Problem(
                status: 421, detail: "This coordinator is not known as '\(host.host.prefix(100))'",
                remedy: "Use one of its own names, or add this one to api.allowed_hosts in "
                    + "coordinator.yml")
        }
        return request.isChange ? pageRefusal(of: request, host) : nil
    }

    private func pageRefusal(of request: HTTPRequest, _ host: Authority) -> Problem? {
        let remedy =
            "Open this coordinator's own page. If it is behind a proxy, set api.url to its "
            + "address there, or add its name to api.allowed_hosts in coordinator.yml"
        if let origin = request.headers["Origin"] {
            let page = Authority(url: origin)
            let isClear =
                request.isEncrypted && !origin.lowercased().utf8.starts(with: "https:".utf8)
            guard !isClear, let page,
                page == host || own.contains(page) || pageHosts.contains(page.host)
            else {
                return .forbidden(
                    "The request was sent by a page of \(origin.visible.prefix(100))",
                    remedy: remedy)
            }
        }
        if let site = request.headers["Sec-Fetch-Site"], !["same-origin", "none"].contains(site) {
            return .forbidden("The request was sent by a page of another site", remedy: remedy)
        }
        return nil
    }
}

extension HTTPRequest {
    /// Whether it may change something.
    var isChange: Bool { method != "GET" && method != "HEAD" }

    /// Whether a browser says that a page of this coordinator sent it. Only of a request that
    /// `TrustedNames` does not refuse.
    var isOfOwnPage: Bool {
        headers["Origin"] != nil || headers["Sec-Fetch-Site"] == "same-origin"
    }
}
