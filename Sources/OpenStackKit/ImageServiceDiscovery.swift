import HTTPClientKit
import HTTPTypes
import TextKit

/// Finds Glance v2. Catalogs name it without a version, with that of another API, or with an
/// address that redirects.
struct ImageServiceDiscovery: Sendable {
    let url: String
    let token: String
    let http: HTTPClient
    let limits: OpenStackLimits

    private static let what = "cannot find Glance"

    private struct List: Decodable {
        struct Version: Decodable {
            struct Link: Decodable { var rel, href: String }
            var id: String
            var links: [Link]?
        }
        var versions: [Version]
    }

    func run() async throws(CloudError) -> ImageService {
        guard var root = WebAddress(url) else {
            throw CloudError(
                .catalog,
                "\(Self.what): '\(ErrorWords.plain(url, limit: 200))' is no URL; correct the "
                    + "catalog, or set it (--image-url)")
        }
        root.query = nil
        root.path = root.path.withoutVersion
        let (list, place) = try await versions(root)
        let own = "\(place)/v2"
        var chosen = own
        // A proxy in front of Glance may change paths, of which the links know nothing, so a link
        // counts only if there is nothing at the obvious place.
        if let link = list.last(where: { $0.id.hasPrefix("v2") })?.links?.first(where: {
            $0.rel == "self"
        }), var linked = place.resolving(link.href) {
            linked = WebAddress("\(place.origin)\(linked.path.withoutLastSlashes)") ?? linked
            if linked.description != own, try await !exists(own),
                try await exists(linked.description)
            {
                chosen = linked.description
            }
        }
        let isNamed = [chosen.withoutVersion, chosen].contains(url.withoutLastSlashes)
        return ImageService(
            url: chosen, otherURL: isNamed ? nil : url, versions: list.map(\.id))
    }

    /// The versions, and the address at which they were found. Glance answers this without a
    /// token.
    private func versions(
        _ root: WebAddress
    ) async throws(CloudError) -> ([List.Version], WebAddress) {
        for suffix in ["/versions", "/"] {
            var place = root
            for _ in 0...limits.redirects {
                let asked = place.description + suffix
                let answer = try await ask(asked)
                if let next = answer.redirect(from: asked) {
                    place = try base(next, from: asked, suffix)
                    continue
                }
                guard [200, 300].contains(answer.status),
                    let list = try? JSON.decode(List.self, answer.body)
                else { break }
                return (list.versions, place)
            }
        }
        return ([], root)
    }

    /// The address under which a redirected list of versions is.
    private func base(
        _ next: Redirect, from url: String, _ suffix: String
    ) throws(CloudError) -> WebAddress {
        guard next.isTrusted else {
            throw CloudError(
                .catalog,
                "\(Self.what): \(url) redirects to \(next.address), to which no token is sent "
                    + "unasked; if that is your Glance, correct the catalog, or set it "
                    + "(--image-url)")
        }
        var place = next.address
        place.query = nil
        place.path = place.path.withoutLastSlashes
        if suffix != "/", place.path.hasSuffix(suffix) {
            place.path = String(place.path.dropLast(suffix.count))
        }
        place.path = place.path.withoutVersion
        return place
    }

    private func exists(_ url: String) async throws(CloudError) -> Bool {
        try await ask(url + "/schemas/image", ["X-Auth-Token": token]).status != 404
    }

    private func ask(
        _ url: String, _ headers: HTTPHeaders = [:]
    ) async throws(CloudError) -> HTTPAnswer {
        var headers = headers
        headers.set("Accept", "application/json")
        do throws(HTTPClientError) {
            return try await http.request("GET", url, headers: headers, timeouts: limits.call)
        } catch {
            throw CloudError(error, to: Self.what)
        }
    }
}
