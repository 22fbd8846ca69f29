import FoundationEssentials
import TextKit

/// Proof Key for Code Exchange, RFC 7636.
public enum PKCE {
    /// By the method S256.
    public static func challenge(of verifier: String) -> String {
        Data(Hex.decode(SHA256.hex(verifier.utf8)) ?? []).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
