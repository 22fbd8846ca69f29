public import CoordinatorCore
import FoundationEssentials
import HTTPClientKit
import HTTPTypes
import Support
import TextKit

/// One field of a secret in the key-value engine, version 2, of HashiCorp Vault or OpenBao.
public struct VaultSecret: SecretSource {
    public let guestOSes: [String]
    public var environments: [String] = []
    private let settings: VaultSettings
    private let http: HTTPClient

    private static let timeouts = HTTPTimeouts(
        connectSeconds: 5, stallSeconds: 10, totalSeconds: 15)
    private static let tokenBytes = 4096

    public init(_ settings: VaultSettings, guestOSes: [String]) {
        self.settings = settings
        self.guestOSes = guestOSes
        var limits = HTTPClientLimits()
        limits.answerBytes = 1 << 20
        // A redirect would carry the token to wherever it points.
        limits.trustedRedirects = 0
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: settings.authorities))
    }

    public var place: String {
        "Vault \(settings.address), \(settings.mount)/\(settings.path), field \(settings.field)"
    }

    private struct Answer: Decodable {
        struct Version: Decodable {
            var data: [String: JSON]?
        }
        var data: Version
    }

    public func value() async throws(SecretFault) -> Secret {
        let answer = try await ask(try await token())
        guard answer.status == 200 else { throw refused(answer.status) }
        guard let found = try? JSONDecoder().decode(Answer.self, from: Data(answer.body)) else {
            throw fault(
                "does not answer like the key-value engine, version 2: check address and mount")
        }
        guard case .string(let text)? = found.data.data?[settings.field] else {
            throw fault("has no text in this field: check field and path")
        }
        return try FileSecret.checked(Array(text.utf8), place)
    }

    private func ask(_ token: String) async throws(SecretFault) -> HTTPAnswer {
        var headers: HTTPHeaders = ["X-Vault-Token": token, "X-Vault-Request": "true"]
        if let namespace = settings.namespace { headers.set("X-Vault-Namespace", namespace) }
        let path = [settings.mount, "data", settings.path].joined(separator: "/")
            .split(separator: "/").map { PercentCoding.encode(String($0)) }.joined(separator: "/")
        do throws(HTTPClientError) {
            return try await http.request(
                "GET", "\(settings.address)/v1/\(path)", headers: headers,
                timeouts: Self.timeouts)
        } catch {
            throw SecretFault(
                "the secret of \(place) cannot be read: \(error). Check address and ca_file of the "
                    + "secret in coordinator.yml")
        }
    }

    /// Read each time: tokens are renewed.
    private func token() async throws(SecretFault) -> String {
        let file = settings.tokenFile
        let bytes: [UInt8]
        do {
            bytes = try await OwnThread.run { try Files.read(file, limitBytes: Self.tokenBytes) }
        } catch {
            throw SecretFault("the token of \(place) cannot be read: \(error)")
        }
        let token = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard !token.isEmpty else { throw SecretFault("the token file \(file) is empty") }
        return token
    }

    private func refused(_ status: Int) -> SecretFault {
        switch status {
        case 403:
            fault(
                "refuses the token of \(settings.tokenFile) (403): renew it, or give it the "
                    + "capability read on \(settings.mount)/data/\(settings.path)")
        case 404:
            fault(
                "has no such secret (404), or its newest version was deleted: check mount and path")
        case 300..<400:
            fault("points elsewhere (\(status)): name the active server as address")
        case 503: fault("is sealed (503): unseal it")
        default: fault("answered with \(status)")
        }
    }

    private func fault(_ text: String) -> SecretFault {
        SecretFault("the secret of \(place) cannot be read: the server \(text)")
    }
}

public struct VaultSettings: Sendable, Hashable {
    /// `https://vault.example.org:8200`, no slash at its end.
    public var address: String
    public var mount: String
    public var path: String
    public var field: String
    public var tokenFile: String
    public var namespace: String?
    /// Certificates of the trusted authorities; `nil`: the system's.
    public var authorities: String?

    public init(
        address: String, mount: String, path: String, field: String, tokenFile: String,
        namespace: String? = nil, authorities: String? = nil
    ) {
        self.address = address
        self.mount = mount
        self.path = path
        self.field = field
        self.tokenFile = tokenFile
        self.namespace = namespace
        self.authorities = authorities
    }
}
