import CoordinatorAPI
import CoordinatorCore
import CoordinatorService
import FoundationEssentials
import HTTPTypes
import TestSupport
import Testing

/// A leader's API with users.
struct AccountFarm {
    let store = InMemoryStore()
    let leader: any LeaderStore
    let api: API
    let clock = SetClock()

    init(
        _ settings: AccessSettings = AccessSettings(),
        identities: (any IdentityProvider)? = nil,
        browsers: (any BrowserIdentityProvider)? = nil, url: String? = nil,
        hooks: [HookSource] = [], names: [Substring] = []
    ) async throws {
        let epoch = try await store.lead()
        leader = store.leading(epoch)
        api = try await API.leading(
            store, epoch: epoch,
            names: TrustedNames(url: "http://farm.test", hosts: names.map(String.init)),
            templates: AnyTemplates(), hooks: hooks, ids: CountingIDs(), clock: clock,
            settings: settings, identities: identities, browsers: browsers,
            url: url)
    }

    func request(
        _ method: String, _ target: String, _ body: String = "", token: String? = nil,
        headers: HTTPHeaders = [:], address: String = "10.0.0.7"
    ) throws -> HTTPRequest {
        var headers = headers
        if headers["Host"] == nil { headers.set("Host", "127.0.0.1:9753") }
        if headers["Content-Type"] == nil { headers.set("Content-Type", "application/json") }
        if let token { headers.set("Authorization", "Bearer \(token)") }
        return try HTTPRequest(
            method: method, target: target, headers: headers, body: Array(body.utf8),
            remoteAddress: address)
    }

    func ask(
        _ method: String, _ target: String, _ body: String = "{}", token: String? = nil,
        headers: HTTPHeaders = [:], address: String = "10.0.0.7"
    ) async throws -> Answer {
        let response = await api.respond(
            to: try request(
                method, target, body, token: token, headers: headers, address: address))
        return Answer(status: response.status, headers: response.headers, body: response.body)
    }

    static let password = "correct horse battery"

    func add(_ name: String, _ role: Role, teams: [String] = []) async throws {
        let list = teams.map { "\"\($0)\"" }.joined(separator: ",")
        let answer = try await ask(
            "PUT", "/api/v1/users/\(name)",
            #"{"isNew":true,"role":"\#(role.rawValue)","teams":[\#(list)],"#
                + #""password":"\#(Self.password)"}"#,
            token: API.token)
        guard answer.status == 201 else { throw Failure("no user: \(answer.text)") }
    }

    /// A new user's token.
    func token(of role: Role, teams: [String] = []) async throws -> String {
        let name = "u\(UInt32.random(in: .min ... .max))"
        try await add(name, role, teams: teams)
        return try await signIn(name)
    }

    func signIn(_ name: String) async throws -> String {
        let answer = try await ask(
            "POST", "/api/v1/sign-in", #"{"name":"\#(name)","password":"\#(Self.password)"}"#)
        return try Self.token(answer)
    }

    /// The cookie of a browser in which the token's user is signed in.
    func session(token: String) async throws -> String {
        let made = try await ask("POST", "/api/v1/sign-in-codes", token: token)
        guard let code = made.text.firstMatch(of: /code=([0-9a-f]+)/)?.output.1 else {
            throw Failure("no code: \(made.text)")
        }
        let answer = try await ask("GET", "/sign-in?code=\(code)")
        return String((answer.headers["Set-Cookie"] ?? "").prefix { $0 != ";" })
    }

    /// The name of a token's user.
    func name(of token: String) async throws -> String {
        struct Who: Decodable { var name: String }
        let answer = try await ask("GET", "/api/v1/whoami", token: token)
        return try JSONDecoder().decode(Who.self, from: Data(answer.bytes)).name
    }

    static func token(_ answer: Answer) throws -> String {
        struct New: Decodable { var token: String }
        guard answer.status == 201 else { throw Failure("no token: \(answer.text)") }
        return try JSONDecoder().decode(New.self, from: Data(answer.bytes)).token
    }
}

extension GuestOS {
    static func sample(
        _ name: String, owner: String, _ type: OSType = .linux,
        template: TemplateSource = .folder(path: "/t")
    ) -> GuestOS {
        GuestOS(
            id: "id-\(name)", name: name, type: type, distro: "", version: "", baseISO: "",
            template: template, owner: owner, createdMilliseconds: 0)
    }
}

extension API {
    /// The answer to what is not served; `nil` if it is.
    func refusal(of request: HTTPRequest) -> HTTPResponse? {
        if case .refused(let response) = admission(of: request) { response } else { nil }
    }
}
