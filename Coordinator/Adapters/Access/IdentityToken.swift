import CoordinatorCore
import JOSEKit
import TextKit

/// What must be true of an identity token: OpenID Connect Core 1.0, section 3.1.3.7.
struct IdentityToken {
    var issuer, clientID, nonce: String
    var nowSeconds: Int64

    /// How far the clocks of the two machines may differ.
    private static let slackSeconds: Int64 = 120

    /// - Throws: `SignatureError` if the keys are not those that it was signed with.
    func claims(of token: String, _ keys: SigningKeys) throws -> JSON {
        let payload = try keys.payload(of: token)
        guard let claims = try? JSON(parsing: payload), case .object = claims else {
            throw fault("has no claims")
        }
        guard claims["iss"]?.text == issuer else {
            throw fault("is of another issuer, \(words(claims["iss"]))")
        }
        let audience: [String] =
            switch claims["aud"] {
            case .string(let one): [one]
            case .array(let all): all.compactMap(\.text)
            default: []
            }
        let party = claims["azp"]
        guard audience.contains(clientID), party == nil || party?.text == clientID,
            audience.count == 1 || party != nil
        else { throw fault("is for another client, \(words(claims["aud"]))") }
        guard claims["nonce"]?.text == nonce else {
            throw fault("answers another sign-in (nonce)")
        }
        try checkTimes(claims)
        return claims
    }

    private func checkTimes(_ claims: JSON) throws(IdentityFault) {
        guard let expires = seconds(claims["exp"]), let issued = seconds(claims["iat"]) else {
            throw fault("does not say from when to when it is good")
        }
        guard nowSeconds - Self.slackSeconds < expires else {
            throw fault("has expired: compare the clocks of the two machines")
        }
        let begins = max(issued, seconds(claims["nbf"]) ?? issued)
        guard begins <= nowSeconds + Self.slackSeconds else {
            throw fault("is of the future: compare the clocks of the two machines")
        }
    }

    /// Times are numbers, which may have a fraction.
    private func seconds(_ value: JSON?) -> Int64? {
        switch value {
        case .int(let seconds): seconds
        case .double(let seconds): Int64(exactly: seconds.rounded(.down))
        default: nil
        }
    }

    private func words(_ value: JSON?) -> String {
        value.map { String(String(decoding: $0.bytes, as: UTF8.self).visible.prefix(100)) }
            ?? "unnamed"
    }

    private func fault(_ what: String) -> IdentityFault {
        IdentityFault(.refused, "its identity token \(what)")
    }
}
