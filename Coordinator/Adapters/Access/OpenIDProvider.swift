public import CoordinatorCore
import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import JOSEKit
import Support
import TextKit

/// Signs in whom a provider of OpenID Connect knows: authorization code with PKCE. Its signed
/// answer gives roles and teams by the names of groups in the settings, and nothing else.
public actor OpenIDProvider: BrowserIdentityProvider {
    private let settings: OpenIDSettings
    private let clock: any TimeSource
    private let http: HTTPClient
    private var description: (value: OpenIDDescription, atMilliseconds: Int64)?
    private var keys: (value: SigningKeys, atMilliseconds: Int64)?
    private let descriptions = SharedFetch<OpenIDDescription>()
    private let keySets = SharedFetch<SigningKeys>()
    private let contacts = ContactLog()

    private static let timeouts = HTTPTimeouts(
        connectSeconds: 5, stallSeconds: 10, totalSeconds: 15)
    /// Addresses of a provider change with its upgrades.
    private static let descriptionMilliseconds: Int64 = 3_600_000
    /// A key that is taken back is good for as long.
    private static let keysMilliseconds: Int64 = 3_600_000
    /// A token by an unknown key makes them be read again: at most as often as this.
    private static let keysAgainMilliseconds: Int64 = 1_000
    private static let secretBytes = 4096

    public init(_ settings: OpenIDSettings, clock: any TimeSource) {
        self.settings = settings
        self.clock = clock
        http = settings.client()
    }

    public nonisolated var source: Principal.Source { .openid }
    public nonisolated var label: String { settings.label }
    public nonisolated var returnURL: String { settings.redirectURL }
    public nonisolated var contact: ProviderContact { contacts.contact }

    public func check(issuer: String?) async throws {
        guard let issuer else {
            guard try await describe().namesIssuer else { return }
            throw IdentityFault(
                .refused, "its answer does not say who it is from (iss), as it says it does")
        }
        guard issuer == settings.issuer else {
            throw IdentityFault(
                .refused,
                "the answer is of another provider, '\(String(issuer.visible.prefix(200)))'")
        }
    }

    public func address(for visit: BrowserVisit) async throws -> String {
        let description = try await describe()
        let fields = [
            ("response_type", "code"), ("client_id", settings.clientID),
            ("redirect_uri", settings.redirectURL),
            ("scope", settings.scopes.joined(separator: " ")), ("state", visit.state),
            ("nonce", visit.nonce), ("code_challenge", visit.challenge),
            ("code_challenge_method", "S256"),
        ]
        let endpoint = description.authorization
        return endpoint + (endpoint.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")
            + Self.form(fields)
    }

    public func identity(
        code: String, of visit: BrowserVisit
    ) async throws -> ProvidedIdentity {
        let description = try await describe()
        let answer = try noted(await exchange(code, visit, description))
        guard let token = answer["id_token"]?.text else {
            throw IdentityFault(.refused, "its answer has no identity token: scopes need openid")
        }
        var claims = try await claims(of: token, visit, description)
        if !settings.isComplete(claims), let address = description.userInfo,
            let access = answer["access_token"]?.text
        {
            claims = try await completed(claims, address, access)
        }
        return try settings.identity(claims)
    }

    // MARK: What the provider says of itself

    private func describe() async throws(IdentityFault) -> OpenIDDescription {
        let now = clock.monotonicMilliseconds()
        if let description,
            now - description.atMilliseconds < Self.descriptionMilliseconds
        {
            return description.value
        }
        return try await descriptions.outcome { await self.fetchDescription() }.get()
    }

    private func fetchDescription() async -> Result<OpenIDDescription, IdentityFault> {
        let outcome = await askDescription()
        contacts.note(outcome, clock.unixMilliseconds())
        if case .success(let value) = outcome {
            description = (value, clock.monotonicMilliseconds())
        }
        return outcome
    }

    private func askDescription() async -> Result<OpenIDDescription, IdentityFault> {
        do throws(IdentityFault) {
            let answer = try await ask("GET", settings.descriptionURL)
            guard answer.status == 200, let found = try? JSON(parsing: answer.body) else {
                throw IdentityFault(
                    .unreachable,
                    "it does not describe itself (\(OpenIDDescription.path): "
                        + "\(answer.status)): check sign_in.openid.issuer")
            }
            return .success(try OpenIDDescription(found, issuer: settings.issuer))
        } catch { return .failure(error) }
    }

    private func keys(
        _ description: OpenIDDescription, noOlderThan age: Int64
    ) async throws -> SigningKeys {
        let now = clock.monotonicMilliseconds()
        if let keys, now - keys.atMilliseconds < age { return keys.value }
        return try await keySets.outcome { await self.fetchKeys(description.keys) }.get()
    }

    private func fetchKeys(_ address: String) async -> Result<SigningKeys, IdentityFault> {
        let outcome = await askKeys(address)
        contacts.note(outcome, clock.unixMilliseconds())
        if case .success(let value) = outcome { keys = (value, clock.monotonicMilliseconds()) }
        return outcome
    }

    private func askKeys(_ address: String) async -> Result<SigningKeys, IdentityFault> {
        do throws(IdentityFault) {
            return .success(try Self.keys(in: try await ask("GET", address)))
        } catch { return .failure(error) }
    }

    static func keys(in answer: HTTPAnswer) throws(IdentityFault) -> SigningKeys {
        do {
            guard answer.status == 200 else {
                throw SignatureError(.malformed, "the answer has the status \(answer.status)")
            }
            return try SigningKeys(document: answer.body)
        } catch {
            throw IdentityFault(.unreachable, "its keys cannot be read", cause: error)
        }
    }

    private func claims(
        of token: String, _ visit: BrowserVisit, _ description: OpenIDDescription
    ) async throws -> JSON {
        let check = IdentityToken(
            issuer: settings.issuer, clientID: settings.clientID, nonce: visit.nonce,
            nowSeconds: clock.unixMilliseconds() / 1000)
        do {
            let known = try await keys(description, noOlderThan: Self.keysMilliseconds)
            do { return try check.claims(of: token, known) } catch let error as SignatureError
                where error.code == .key || error.code == .signature
            {
                // The provider may sign by a new one.
                return try check.claims(
                    of: token,
                    try await keys(description, noOlderThan: Self.keysAgainMilliseconds))
            }
        } catch let error as SignatureError {
            throw IdentityFault(.refused, "its identity token is not believed", cause: error)
        }
    }

    // MARK: Questions

    private func noted(_ outcome: Result<JSON, IdentityFault>) throws(IdentityFault) -> JSON {
        contacts.note(outcome, clock.unixMilliseconds())
        return try outcome.get()
    }

    private func exchange(
        _ code: String, _ visit: BrowserVisit, _ description: OpenIDDescription
    ) async -> Result<JSON, IdentityFault> {
        do throws(IdentityFault) {
            return .success(try await exchanged(code, visit, description))
        } catch { return .failure(error) }
    }

    private func exchanged(
        _ code: String, _ visit: BrowserVisit, _ description: OpenIDDescription
    ) async throws(IdentityFault) -> JSON {
        var fields = [
            ("grant_type", "authorization_code"), ("code", code),
            ("redirect_uri", settings.redirectURL), ("code_verifier", visit.verifier),
            ("client_id", settings.clientID),
        ]
        var headers: HTTPHeaders = [
            "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
        ]
        if let secret = try await secret() {
            if description.takesBasic {
                let pair = [settings.clientID, secret].map { PercentCoding.encode($0) }
                    .joined(separator: ":")
                headers.set("Authorization", "Basic " + Data(pair.utf8).base64EncodedString())
            } else {
                fields.append(("client_secret", secret))
            }
        }
        let answer = try await ask(
            "POST", description.token, headers: headers, body: Array(Self.form(fields).utf8))
        let found = try? JSON(parsing: answer.body)
        guard answer.status == 200, let found else {
            if answer.status >= 500 {
                throw IdentityFault(.unreachable, "it answers with the status \(answer.status)")
            }
            let error = found?["error"]?.text
            if answer.status == 401 || error == "invalid_client" || error == "unauthorized_client" {
                throw IdentityFault(
                    .unreachable,
                    "it does not take this coordinator for its client (\(answer.status)): check "
                        + "client_id and client_secret_file of sign_in.openid")
            }
            let words = [error, found?["error_description"]?.text]
                .compactMap { $0?.visible.prefix(200) }.joined(separator: ", ")
            throw IdentityFault(
                .refused,
                "it does not take what the browser brought (\(answer.status)"
                    + (words.isEmpty ? ")" : ": \(words))"))
        }
        return found
    }

    /// Claims that the token leaves to a second question.
    private func completed(
        _ claims: JSON, _ address: String, _ access: String
    ) async throws -> JSON {
        let answer = try await ask(
            "GET", address,
            headers: ["Authorization": "Bearer \(access)", "Accept": "application/json"])
        guard answer.status == 200, let found = try? JSON(parsing: answer.body),
            case .object(let more) = found, case .object(let signed) = claims
        else {
            throw IdentityFault(
                .refused, "it does not say more of the person (userinfo: \(answer.status))")
        }
        // Else an answer about somebody else could be put in its place.
        guard found["sub"] == claims["sub"] else {
            throw IdentityFault(.refused, "it speaks of two people (sub of userinfo)")
        }
        return .object(more.merging(signed) { $1 })
    }

    /// Read each time: it is replaced without a restart.
    private func secret() async throws(IdentityFault) -> String? {
        guard let file = settings.secretFile else { return nil }
        do {
            let bytes = try await OwnThread.run {
                try Files.read(file, limitBytes: Self.secretBytes)
            }
            let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
            return String(decoding: line, as: UTF8.self)
        } catch {
            Logger("access").error("the secret of sign_in.openid cannot be read: \(error)")
            // Strangers need not know where it is.
            throw IdentityFault(.unreachable, "this coordinator cannot read its own secret")
        }
    }

    private func ask(
        _ method: String, _ url: String, headers: HTTPHeaders = ["Accept": "application/json"],
        body: [UInt8] = []
    ) async throws(IdentityFault) -> HTTPAnswer {
        do throws(HTTPClientError) {
            return try await http.request(
                method, url, headers: headers, body: body, timeouts: Self.timeouts)
        } catch {
            throw IdentityFault(.unreachable, "it cannot be asked", cause: error)
        }
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(PercentCoding.encode($1))" }.joined(separator: "&")
    }
}
