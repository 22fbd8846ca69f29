import HTTPClientKit
import HTTPTypes
import TextKit

/// Glance v2 for one login. A call whose token is rejected logs in again, once.
public struct GlanceClient: Sendable {
    public let session: CloudSession
    var limits: OpenStackLimits { session.limits }

    public init(_ session: CloudSession) { self.session = session }

    /// Where Glance is, and what it says of itself.
    public func service() async throws(CloudError) -> ImageService {
        try await session.imageService()
    }

    /// `nil` if Glance reports no quotas.
    public func usage() async throws(CloudError) -> GlanceUsage? {
        struct Answer: Decodable { var usage: [String: GlanceUsage.Measure] }
        let what = "cannot ask Glance for the project's usage"
        let answer = try await call("GET", "/info/usage", what)
        if answer.status == 404 { return nil }
        guard answer.status == 200 else { throw failed(answer, what) }
        return GlanceUsage(measures: try decoded(Answer.self, answer, what).usage)
    }

    /// Creates an image without data. It is visible if this Glance cannot hide images.
    public func create(_ image: NewGlanceImage) async throws(CloudError) -> GlanceImage {
        let what = "cannot create image '\(image.name)'"
        var answer = try await call("POST", "/images", what, body: try encoded(image, what))
        if answer.status == 400, image.isHidden {
            // Before Rocky there are no hidden images. Another fault is refused again.
            var visible = image
            visible.isHidden = false
            answer = try await call("POST", "/images", what, body: try encoded(visible, what))
        }
        if answer.status == 404 {
            var error = failed(answer, what)
            error.code = .answer
            error.message += "; set the URL of the cloud's Glance (--image-url)"
            throw error
        }
        guard answer.status == 201 else { throw failed(answer, what) }
        return try decoded(GlanceImage.self, answer, what)
    }

    /// Returns `nil` if there is no such image, or none that the project may see.
    public func image(_ id: String) async throws(CloudError) -> GlanceImage? {
        let what = "cannot look at image \(id)"
        let answer = try await call("GET", "/images/\(PercentCoding.encode(id))", what)
        if answer.status == 404 { return nil }
        guard answer.status == 200 else { throw failed(answer, what) }
        return try decoded(GlanceImage.self, answer, what)
    }

    /// All images that match, newest first, page by page.
    ///
    /// - Parameter filters: Glance's own fields, or names of properties.
    public func images(
        _ filters: [(name: String, value: String)]
    ) async throws(CloudError) -> [GlanceImage] {
        struct Page: Decodable {
            var images: [GlanceImage]
            var next: String?
        }
        let what = "cannot list images"
        let fields = filters + [("limit", String(limits.pageImages)), ("sort", "created_at:desc")]
        let query = fields.map { name, value in
            "\(PercentCoding.encode(name))=\(PercentCoding.encode(value))"
        }
        var path: String? = "/images?" + query.joined(separator: "&")
        var found: [GlanceImage] = []
        while let asked = path {
            let answer = try await call("GET", asked, what)
            guard answer.status == 200 else { throw failed(answer, what) }
            let page = try decoded(Page.self, answer, what)
            found += page.images
            guard found.count <= limits.listedImages else {
                throw CloudError(
                    .answer, "\(what): there are more than \(limits.listedImages)")
            }
            // A full last page still links to a next one, which is empty.
            path =
                page.images.isEmpty
                ? nil
                : page.next.flatMap { next in
                    next.firstRange(of: "/images").map { String(next[$0.lowerBound...]) }
                }
        }
        return found
    }

    /// Makes all changes, or none of them.
    @discardableResult
    public func change(
        _ id: String, _ changes: [GlanceChange]
    ) async throws(CloudError) -> GlanceImage {
        let what = "cannot change image \(id)"
        let answer = try await call(
            "PATCH", "/images/\(PercentCoding.encode(id))", what,
            type: "application/openstack-images-v2.1-json-patch",
            body: try encoded(changes.flatMap(\.operations), what))
        guard answer.status == 200 else { throw failed(answer, what) }
        return try decoded(GlanceImage.self, answer, what)
    }

    /// Returns false if the image does not exist any more.
    /// - Throws: `.forbidden` for a protected image, `.conflict` for one in use.
    @discardableResult
    public func delete(_ id: String) async throws(CloudError) -> Bool {
        let what = "cannot delete image \(id)"
        let answer = try await call("DELETE", "/images/\(PercentCoding.encode(id))", what)
        switch answer.status {
        case 204: return true
        case 404, 410: return false
        default: throw failed(answer, what)
        }
    }

    /// The projects that an image is shared with; empty if its visibility allows no members.
    public func members(_ id: String) async throws(CloudError) -> [GlanceMember] {
        struct List: Decodable { var members: [GlanceMember] }
        let what = "cannot list the members of image \(id)"
        let answer = try await call("GET", membersPath(id), what)
        if answer.status == 403 { return [] }
        guard answer.status == 200 else { throw failed(answer, what) }
        return try decoded(List.self, answer, what).members
    }

    /// Shares an image whose visibility is `shared`. Sharing it twice does no harm.
    public func addMember(_ project: String, to id: String) async throws(CloudError) {
        let what = "cannot share image \(id) with project \(project)"
        let answer = try await call(
            "POST", membersPath(id), what, body: try encoded(["member": project], what))
        guard answer.status == 200 || answer.status == 409 else { throw failed(answer, what) }
    }

    /// Accepts or rejects a shared image, as the member itself or an administrator.
    public func answer(
        _ word: String, as project: String, to id: String
    ) async throws(CloudError) {
        let what = "cannot set project \(project)'s membership of image \(id) to \(word)"
        let answer = try await call(
            "PUT", "\(membersPath(id))/\(PercentCoding.encode(project))", what,
            body: try encoded(["status": word], what))
        guard answer.status == 200 else { throw failed(answer, what) }
    }

    private func membersPath(_ id: String) -> String {
        "/images/\(PercentCoding.encode(id))/members"
    }
}

extension GlanceClient {
    /// One call. An idempotent call is repeated after an error of the server: a busy database, or
    /// a worker that is being replaced, must not fail a release.
    func call(
        _ method: String, _ path: String, _ what: String, type: String = "application/json",
        body: [UInt8] = []
    ) async throws(CloudError) -> HTTPAnswer {
        var pauses = method == "POST" ? [] : session.limits.repeatPausesMilliseconds
        while true {
            let answer = try await once(method, path, what, type: type, body: body)
            guard (500...504).contains(answer.status), answer.status != 501, !pauses.isEmpty else {
                return answer
            }
            do { try await Task.sleep(for: .milliseconds(pauses.removeFirst())) } catch {
                throw CloudError(.cancelled, "\(what): it was cancelled")
            }
        }
    }

    /// A rejected token is renewed once. If Glance rejects the new one too, the two services
    /// cannot talk to each other.
    private func once(
        _ method: String, _ path: String, _ what: String, type: String, body: [UInt8]
    ) async throws(CloudError) -> HTTPAnswer {
        let session = session
        return try await authorized(what) { base, secret throws(HTTPClientError) in
            var headers: HTTPHeaders = ["X-Auth-Token": secret, "Accept": "application/json"]
            if !body.isEmpty { headers.append("Content-Type", type) }
            return try await session.http.request(
                method, base + path, headers: headers, body: body,
                timeouts: session.limits.call)
        }
    }

    /// Runs `ask` with the address of Glance v2 and a token.
    func authorized(
        _ what: String,
        _ ask: (_ base: String, _ token: String) async throws(HTTPClientError) -> HTTPAnswer
    ) async throws(CloudError) -> HTTPAnswer {
        let base = try await session.imageService().url
        let token = try await session.token()
        do throws(HTTPClientError) {
            let answer = try await ask(base, token.secret)
            guard answer.status == 401 else { return answer }
        } catch {
            throw CloudError(error, to: what)
        }
        let fresh = try await session.token(after: token)
        do throws(HTTPClientError) {
            let answer = try await ask(base, fresh.secret)
            guard answer.status == 401 else { return answer }
        } catch {
            throw CloudError(error, to: what)
        }
        throw CloudError(
            .tokenRefused,
            "\(what): Glance rejects a token that Keystone has just issued. Check that "
                + "Glance can reach its Keystone")
    }

    func failed(_ answer: HTTPAnswer, _ what: String) -> CloudError {
        CloudError(answer, to: what, limits: limits)
    }

    func decoded<T: Decodable>(
        _ type: T.Type, _ answer: HTTPAnswer, _ what: String
    ) throws(CloudError) -> T {
        do { return try JSON.decode(type, answer.body) } catch {
            throw CloudError(
                .answer, "\(what): the server there is not Glance v2")
        }
    }

    func encoded(_ value: some Encodable, _ what: String) throws(CloudError) -> [UInt8] {
        do { return try CanonicalJSON.encode(value) } catch {
            throw CloudError(.refused, what, cause: error)
        }
    }
}
