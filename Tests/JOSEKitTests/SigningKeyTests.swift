import JOSEKit
import Testing

/// The examples of RFC 7515, appendix A: the same payload, signed in several ways.
@Suite struct SigningKeyTests {
    private static let payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        + "cnVlfQ"
    private static let signed =
        "eyJhbGciOiJFUzI1NiJ9.\(payload)."
        + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    private static let shared =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\(payload)."
        + "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    private static let secret =
        #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hc"#
        + #"gUuTwjAzZr1Z9CAow"}"#
    private static let point =
        #""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
        + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#

    private func keys(_ keys: String...) throws -> SigningKeys {
        try SigningKeys(document: Array(#"{"keys":[\#(keys.joined(separator: ","))]}"#.utf8))
    }

    private func code(_ text: String, _ keys: SigningKeys) -> SignatureErrorCode? {
        do throws(SignatureError) {
            _ = try keys.payload(of: text)
            return nil
        } catch { return error.code }
    }

    @Test("What the key has signed is read") func example() throws {
        let payload = try keys("{\(Self.point)}").payload(of: Self.signed)
        #expect(String(decoding: payload, as: UTF8.self).hasPrefix(#"{"iss":"joe","#))
        let named = try keys(#"{\#(Self.point),"use":"sig","alg":"ES256","kid":"any"}"#)
        #expect(code(Self.signed, named) == nil, "the text names no key, so each is tried")
    }

    @Test("A signature that needs no key, or a shared one, proves nothing") func weak() throws {
        let keys = try keys("{\(Self.point)}", Self.secret)
        #expect(code("eyJhbGciOiJub25lIn0.\(Self.payload).", keys) == .algorithm)
        #expect(code(Self.shared, keys) == .algorithm)
    }

    @Test("Keys for other purposes and algorithms do not count") func otherKeys() throws {
        for key in [#"{\#(Self.point),"use":"enc"}"#, #"{\#(Self.point),"alg":"ES384"}"#] {
            #expect(code(Self.signed, try keys(key)) == .key)
        }
        #expect(code(Self.signed, try keys()) == .key)
        let broken = Self.point.replacing("f83OJ3D2", with: "f83OJ3D3")
        #expect(code(Self.signed, try keys("{\(broken)}")) == .signature, "no point of the curve")
        #expect(code(Self.signed, try keys("{\(broken)}", "{\(Self.point)}")) == nil)
    }

    @Test("What was changed, cut or is no signed text is refused") func changed() throws {
        let keys = try keys("{\(Self.point)}")
        #expect(code(Self.signed.replacing("eyJpc3Mi", with: "eyJpc3Mj"), keys) == .signature)
        #expect(code(String(Self.signed.dropLast(4)), keys) == .signature)
        let texts = ["", ".", "..", "a.b.c", "{}", "e30.e30.e30", Self.payload, "é.é.é"]
        for text in texts { #expect(code(text, keys) == .malformed, "\(text)") }
        let long = Self.signed + String(repeating: "A", count: SigningKeys.textBytes)
        #expect(code(long, keys) == .malformed)
    }

    @Test("A set is bounded, and must be one") func sets() throws {
        let texts = ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":"x"}"#]
        for text in texts {
            #expect(throws: SignatureError.self) { try SigningKeys(document: Array(text.utf8)) }
        }
        let many = (0...SigningKeys.limit).map { _ in "{\(Self.point)}" }.joined(separator: ",")
        #expect(throws: SignatureError.self) { try keys(many) }
        // Whatever else is in it is left out.
        let odd = try keys("null", "7", "{}", #"{"kty":"OKP"}"#, #"{"kty":"EC"}"#)
        #expect(code(Self.signed, odd) == .signature)
    }
}
