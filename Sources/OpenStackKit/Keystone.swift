import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// Logs in at Keystone v3, wherever its address leads. Keeps nothing.
struct Keystone: Sendable {
    let login: CloudLogin
    let http: HTTPClient
    let limits: OpenStackLimits

    private var what: String { "cannot log in as \(login)" }

    /// - Returns: a token with the catalog of the project.
    func token() async throws(CloudError) -> CloudToken {
        guard let address = KeystoneAddress(login.authURL) else {
            throw CloudError(
                .refused, "\(what): \(ErrorWords.plain(login.authURL, limit: 200)) is no URL")
        }
        var url = address.identityURL
        var isDiscovered = false
        for _ in 0...limits.redirects {
            let (token, answer) = try await issue(at: url)
            if let token { return token }
            // Something else answers there: perhaps it says where Keystone is.
            if let next = try redirect(answer, from: url + "/auth/tokens") {
                url = KeystoneAddress(next.description)?.identityURL ?? next.description
            } else if !isDiscovered, let next = try await discovered(address), next != url {
                isDiscovered = true
                url = next
            } else {
                throw elsewhere(answer)
            }
        }
        throw CloudError(.answer, "\(what): the redirects from \(login.authURL) do not end")
    }

    /// Where a response redirects to; `nil` for another response.
    /// - Throws: if the password must not go there.
    private func redirect(
        _ answer: HTTPAnswer, from url: String
    ) throws(CloudError) -> WebAddress? {
        guard let next = answer.redirect(from: url) else { return nil }
        guard next.isTrusted else {
            throw CloudError(
                .refused,
                "\(what): \(url) redirects to \(next.address), to which no password is sent "
                    + "unasked; if that is your Keystone, use it as the auth URL")
        }
        return next.address
    }

    /// A token, or the response of something that is not Keystone v3.
    private func issue(
        at url: String
    ) async throws(CloudError) -> (token: CloudToken?, answer: HTTPAnswer) {
        let askedAt = Clocks.monotonicMilliseconds()
        var given: String?
        var answer: HTTPAnswer
        if case .token(let secret) = login.credential {
            answer = try await look(secret, url)
            given = secret
            // A token without a project is exchanged for one with the project.
            if answer.status == 200, login.project != .ofCredential,
                let token = CloudToken(answer, askedAt: askedAt, known: secret, limits: limits),
                token.project == nil
            {
                answer = try await ask(isScoped: true, url)
                given = nil
            }
        } else {
            answer = try await ask(isScoped: true, url)
        }
        if answer.status == 401 { throw await refusal(url) }
        if [300, 301, 302, 303, 307, 308, 404, 405].contains(answer.status) {
            return (nil, answer)
        }
        guard answer.status == 201 || answer.status == 200 else {
            throw CloudError(answer, to: what, limits: limits)
        }
        let token = CloudToken(answer, askedAt: askedAt, known: given, limits: limits)
        if let token { try checkProject(token) }
        return (token, answer)
    }

    /// A token of another project would fill that one with images.
    private func checkProject(_ token: CloudToken) throws(CloudError) {
        guard case .token = login.credential, let project = token.project else { return }
        let isRight =
            switch login.project {
            case .name(let name, _): name == project.name
            case .id(let id): id == project.id
            case .ofCredential: true
            }
        guard isRight else {
            throw CloudError(
                .project, "\(what): the token is for project \(project.name) (\(project.id))")
        }
    }

    private func ask(isScoped: Bool, _ url: String) async throws(CloudError) -> HTTPAnswer {
        try await request(
            "POST", url + "/auth/tokens",
            body: (try? CanonicalJSON.encode(Authentication(login, isScoped: isScoped))) ?? [])
    }

    /// What Keystone knows of a token.
    private func look(_ secret: String, _ url: String) async throws(CloudError) -> HTTPAnswer {
        try await request(
            "GET", url + "/auth/tokens",
            headers: ["X-Auth-Token": secret, "X-Subject-Token": secret])
    }

    private func request(
        _ method: String, _ url: String, headers: HTTPHeaders = [:], body: [UInt8] = []
    ) async throws(CloudError) -> HTTPAnswer {
        var headers = headers
        headers.set("Accept", "application/json")
        if !body.isEmpty { headers.set("Content-Type", "application/json") }
        do throws(HTTPClientError) {
            return try await http.request(
                method, url, headers: headers, body: body, timeouts: limits.call)
        } catch {
            throw CloudError(error, to: what)
        }
    }
}

// MARK: Where Keystone is

extension Keystone {
    private struct Versions: Decodable {
        struct List: Decodable { var values: [Version] }
        var versions: List?
        var version: Version?
    }
    private struct Version: Decodable {
        struct Link: Decodable { var rel, href: String }
        var id: String
        var links: [Link]?
    }

    /// The address of v3 by redirects and the list of versions; `nil` if there is none.
    private func discovered(_ address: KeystoneAddress) async throws(CloudError) -> String? {
        // What was written, where it leads, and the address without its version.
        for start in [address.identityURL, "\(address.root)/"] {
            guard var place = WebAddress(start) else { continue }
            for _ in 0...limits.redirects {
                let answer = try await request("GET", place.description)
                if let next = try redirect(answer, from: place.description) {
                    place = next
                    continue
                }
                guard let known = try? JSON.decode(Versions.self, answer.body) else { break }
                let all = (known.versions?.values ?? []) + [known.version].compactMap(\.self)
                guard let third = all.first(where: { $0.id.hasPrefix("v3") }) else { break }
                return identityURL(third, at: place)
            }
        }
        return nil
    }

    /// The path that the version's link names. Its server is that of the address: Keystone often
    /// does not know its name and scheme behind a proxy.
    private func identityURL(_ version: Version, at place: WebAddress) -> String {
        let link = version.links?.first { $0.rel == "self" }?.href
        var address = place
        address.query = nil
        if let link, let target = place.resolving(link), target.path.withoutLastSlashes != "" {
            address.path = target.path
        }
        address.path = address.path.withoutVersion
        return "\(address)/v3"
    }

    private func elsewhere(_ answer: HTTPAnswer) -> CloudError {
        CloudError(
            .answer,
            "\(what): what answers there is no Keystone v3 (\(answer.status)); the auth URL is "
                + "that of the identity service: 'openstack catalog show identity' shows it")
    }
}

// MARK: Why a login is refused

extension Keystone {
    /// Keystone rejects a wrong password and a project without a role for the user alike. A login
    /// without the project tells the two apart.
    private func refusal(_ url: String) async -> CloudError {
        switch login.credential {
        case .application(let id, _):
            return CloudError(
                .credentials,
                "\(what): Keystone takes neither id nor secret of application credential \(id): it "
                    + "may have expired, or its user have been disabled; make another with "
                    + "'openstack application credential create'")
        case .token:
            return CloudError(
                .credentials,
                "\(what): Keystone does not take the token: tokens expire within hours; use an "
                    + "application credential, or set a new one ('openstack token issue')")
        case .password(_, let user, let domain):
            return await refusal(url, user: "user \(user) of domain \(domain)")
        }
    }

    private func refusal(_ url: String, user: String) async -> CloudError {
        do throws(CloudError) {
            let answer = try await ask(isScoped: false, url)
            if answer.status == 401 {
                return CloudError(
                    .credentials,
                    "\(what): Keystone takes neither name nor password of \(user); "
                        + "correct them, or the domain")
            }
            guard answer.status == 201 else {
                return CloudError(answer, to: what, limits: limits)
            }
            let known = await projects(answer.headers["X-Subject-Token"] ?? "", url)
            return CloudError(
                .project,
                "\(what): \(user) has no role in \(project)"
                    + (known.isEmpty ? ", nor in any other" : ", but in \(known)"))
        } catch {
            return error
        }
    }

    private var project: String {
        switch login.project {
        case .name(let name, let domain): "project \(name) of domain \(domain)"
        case .id(let id): "project \(id)"
        case .ofCredential: "a project"
        }
    }

    private func projects(_ token: String, _ url: String) async -> String {
        struct List: Decodable { var projects: [CloudToken.Project] }
        let answer = try? await http.request(
            "GET", url + "/auth/projects", headers: ["X-Auth-Token": token],
            timeouts: limits.call)
        let list = answer.flatMap { try? JSON.decode(List.self, $0.body) }
        return ErrorWords.plain(
            (list?.projects.map(\.name) ?? []).sorted().joined(separator: ", "),
            limit: limits.shownWords)
    }
}
