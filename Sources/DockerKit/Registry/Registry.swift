import FoundationEssentials
public import HTTPClientKit
import HTTPTypes
import Synchronization
import TextKit

/// A registry of container images (OCI distribution, Docker Registry v2).
public final class Registry: Sendable {
    /// `https://registry:5000`, without a trailing slash.
    public let base: String
    let origin: RegistryOrigin
    let client: HTTPClient
    private let credentials: RegistryCredentials?
    private let authorities: String?
    /// The last accepted `Authorization` header by scope.
    private let accepted = Mutex<[String: String]>([:])

    /// - Parameter url: `https://…`, or `http://…` for a registry without TLS.
    public init(
        url: String, tls: TLSFiles = TLSFiles(), credentials: RegistryCredentials? = nil
    ) throws(DockerError) {
        guard let address = WebAddress(url), address.query == nil,
            address.path.utf8.allSatisfy({ $0 == UInt8(ascii: "/") })
        else {
            throw DockerError(
                .invalid,
                "'\(url.prefix(200))' is not a registry: use https://host:port; the repository's "
                    + "name and the user have settings of their own")
        }
        origin = RegistryOrigin(origin: address.origin)
        base = address.origin.description
        self.credentials = credentials
        authorities = tls.authorities
        var limits = HTTPClientLimits()
        limits.answerBytes = DockerLimits.answerBytes
        client = HTTPClient(limits: limits, tls: tls)
    }

    /// `host:port`, as in image names.
    public var host: String { String(base.drop { $0 != ":" }.dropFirst(3)) }

    /// Checks that the registry answers and accepts the login.
    public func check() async throws(DockerError) {
        try await send(
            RegistryCall("GET", base + "/v2/", "cannot use the registry \(base)"), accept: [200])
    }

    public func repository(_ path: String) -> RegistryRepository {
        RegistryRepository(registry: self, path: path)
    }

    /// Sends one request. Logs in if the registry requires it, and again if a token has expired.
    @discardableResult
    func send(_ call: RegistryCall, accept: Set<Int>) async throws(DockerError) -> HTTPAnswer {
        var call = call
        var answer = try await authorized(call)
        // Objects may be in a storage of their own, which gets no login.
        for _ in 0..<DockerLimits.redirects where answer.status.isRedirect && call.method == "GET" {
            guard let next = answer.headers["Location"],
                let url = origin.resolve(next, from: call.url)
            else { break }
            call.url = url
            answer = try await authorized(call)
        }
        guard accept.contains(answer.status) else { throw refusal(answer, call) }
        return answer
    }

    private func authorized(_ call: RegistryCall) async throws(DockerError) -> HTTPAnswer {
        let answer = try await attempt(call)
        guard answer.status == 401, origin.owns(call.url) else { return answer }
        accepted.withLock { _ = $0.removeValue(forKey: call.scope) }
        let token = try await authorization(answer, call)
        accepted.withLock { $0[call.scope] = token }
        return try await attempt(call)
    }

    private func refusal(_ answer: HTTPAnswer, _ call: RegistryCall) -> DockerError {
        var reason = Self.errorMessage(answer) ?? "\(answer.status)"
        if answer.status.isRedirect {
            let place = answer.headers["Location"].map { String($0.visible.prefix(200)) }
            reason += ", a redirect to \(place ?? "nowhere"): if that is the registry, use its URL"
        } else if answer.status == 401, Self.lacksScope(answer) {
            // GitLab says no more than this of a missing right and of a name that is too deep.
            reason +=
                ", insufficient_scope: the login is right, but has no right to do this in this "
                + "repository, or the registry takes no repository of this name"
        } else if answer.status == 413, Self.errorMessage(answer) == nil {
            reason +=
                ", from a proxy in front of it: raise its limit for bodies (nginx: "
                + "client_max_body_size 0)"
        }
        return DockerError(status: answer.status, "\(call.operation): \(reason)")
    }

    private static func lacksScope(_ answer: HTTPAnswer) -> Bool {
        answer.headers.all("WWW-Authenticate").compactMap { AuthChallenge($0) }.contains {
            $0.fields["error"] == "insufficient_scope"
        }
    }

    private func attempt(_ call: RegistryCall) async throws(DockerError) -> HTTPAnswer {
        var headers = call.headers
        // A registry may redirect uploads to another server, which must not get the password.
        if origin.owns(call.url), let value = accepted.withLock({ $0[call.scope] }) {
            headers.set("Authorization", value)
        }
        do throws(HTTPClientError) {
            guard let upload = call.upload else {
                return try await client.request(
                    call.method, call.url, headers: headers, body: call.body,
                    timeouts: HTTPTimeouts(stallSeconds: DockerLimits.callSeconds))
            }
            return try await client.upload(
                call.method, call.url, headers: headers, body: upload,
                timeouts: HTTPTimeouts(stallSeconds: DockerLimits.uploadSilenceSeconds))
        } catch {
            var fault = DockerError(error, call.operation)
            if fault.code == .untrusted {
                let known = authorities.map { "those in \($0)" } ?? "the system's own"
                fault.message +=
                    ". Set the environment's CA file to the PEM file of the authority that signed "
                    + "the server's certificate; the trusted authorities are \(known)."
            }
            throw fault
        }
    }

    // MARK: Logging in

    private func authorization(
        _ refusal: HTTPAnswer, _ call: RegistryCall
    ) async throws(DockerError) -> String {
        let challenges = refusal.headers.all("WWW-Authenticate").compactMap { AuthChallenge($0) }
        if let bearer = challenges.first(where: { $0.scheme == "bearer" }) {
            return "Bearer " + (try await token(bearer, call))
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else {
            throw DockerError(
                .unauthorized,
                "\(call.operation): it answers 401 without a supported login method "
                    + "(Basic, Bearer)")
        }
        guard let basic else {
            throw DockerError(
                .unauthorized,
                "\(call.operation): the registry requires a user and a password, which are not set")
        }
        return basic
    }

    private var basic: String? {
        credentials.map {
            "Basic " + Data("\($0.user):\($0.password)".utf8).base64EncodedString()
        }
    }

    private func token(
        _ challenge: AuthChallenge, _ call: RegistryCall
    ) async throws(DockerError) -> String {
        guard let realm = challenge.fields["realm"] else {
            throw DockerError(
                .failed, "\(call.operation): it requires a token but does not say from where")
        }
        if credentials != nil, base.hasPrefix("https:"), !realm.hasPrefix("https:") {
            throw DockerError(
                .unauthorized,
                "\(call.operation): its tokens come from \(realm), to which the password "
                    + "would be sent unencrypted")
        }
        var query = ["service", "scope"].compactMap { name in
            challenge.fields[name].map { "\(name)=\(PercentCoding.encode($0))" }
        }
        if challenge.fields["scope"] == nil, !call.scope.isEmpty {
            query.append("scope=\(PercentCoding.encode(call.scope))")
        }
        let url = realm + (realm.contains("?") ? "&" : "?") + query.joined(separator: "&")
        var headers: HTTPHeaders = [:]
        if let basic { headers.set("Authorization", basic) }
        let operation = "\(call.operation): no token from \(realm)"
        let answer: HTTPAnswer
        do throws(HTTPClientError) {
            answer = try await client.request("GET", url, headers: headers)
        } catch { throw DockerError(error, operation) }
        guard answer.status == 200 else {
            let reason = Self.errorMessage(answer) ?? "\(answer.status)"
            throw DockerError(status: answer.status, "\(operation): \(reason)")
        }
        let fields = try? JSON(parsing: answer.body)
        guard let token = fields?["token"]?.text ?? fields?["access_token"]?.text else {
            throw DockerError(.failed, "\(operation): the response has none")
        }
        return token
    }

    /// The message of `{"errors":[{"code":…,"message":…,"detail":…}]}`, with the status.
    static func errorMessage(_ answer: HTTPAnswer) -> String? {
        guard case .array(let errors)? = (try? JSON(parsing: answer.body))?["errors"],
            !errors.isEmpty
        else { return nil }
        let texts = errors.map { error in
            let detail = error["detail"].flatMap { detail -> String? in
                if detail == .null || detail == .object([:]) { return nil }
                return detail.text ?? String(decoding: detail.bytes, as: UTF8.self)
            }
            let parts = [error["code"]?.text, error["message"]?.text, detail].compactMap { $0 }
            return parts.joined(separator: ", ")
        }
        return String(
            "\(answer.status), \(texts.joined(separator: "; "))"
                .prefix(DockerLimits.quotedBytes))
    }
}
