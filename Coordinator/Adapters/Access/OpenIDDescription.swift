import CoordinatorCore
import HTTPTypes
import TextKit

/// What a provider says of itself: OpenID Connect Discovery 1.0, section 3.
struct OpenIDDescription: Sendable {
    var authorization, token, keys: String
    var userInfo: String?
    /// Whether the client's secret goes into the header, as it does unless the provider says that
    /// it only takes it in the form.
    var takesBasic: Bool
    /// Whether every answer that a browser brings says who it is from (RFC 9207).
    var namesIssuer: Bool
    /// Why nobody could be signed in by it.
    var problems: [String] = []
    /// `nil`: it does not say whether it takes PKCE.
    var takesPKCE: Bool?

    static let path = "/.well-known/openid-configuration"

    init(_ found: JSON, issuer: String) throws(IdentityFault) {
        // Else a description that somebody else wrote would be believed.
        guard found["issuer"]?.text == issuer else {
            throw IdentityFault(
                .unreachable,
                "it calls itself '\(String((found["issuer"]?.text ?? "").visible.prefix(200)))': "
                    + "write that as sign_in.openid.issuer")
        }
        let isEncrypted = WebAddress(issuer)?.origin.isEncrypted ?? true
        func address(_ name: String) throws(IdentityFault) -> String {
            guard let text = found[name]?.text, let address = WebAddress(text),
                address.origin.isEncrypted || !isEncrypted,
                text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && $0 != UInt8(ascii: "#") })
            else {
                throw IdentityFault(
                    .unreachable, "its description has no address by HTTPS for \(name)")
            }
            return text
        }
        authorization = try address("authorization_endpoint")
        token = try address("token_endpoint")
        keys = try address("jwks_uri")
        userInfo = found["userinfo_endpoint"] == nil ? nil : try address("userinfo_endpoint")
        if case .array(let ways)? = found["token_endpoint_auth_methods_supported"] {
            takesBasic =
                ways.contains("client_secret_basic") || !ways.contains("client_secret_post")
        } else {
            takesBasic = true
        }
        namesIssuer = found["authorization_response_iss_parameter_supported"] == true
        func list(_ name: String) -> [String]? {
            guard case .array(let items)? = found[name] else { return nil }
            return items.prefix(Self.listed).compactMap(\.text)
        }
        for (name, needed) in [
            ("response_types_supported", "code"), ("grant_types_supported", "authorization_code"),
        ] {
            guard let listed = list(name), !listed.contains(needed) else { continue }
            problems.append(
                "it does not offer the authorization code flow (\(name): "
                    + "\(listed.joined(separator: ", ").visible.prefix(200))): allow it there")
        }
        takesPKCE = list("code_challenge_methods_supported").map { $0.contains("S256") }
    }

    /// More than any provider lists.
    private static let listed = 100
}
