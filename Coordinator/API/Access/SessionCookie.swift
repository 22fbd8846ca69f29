import CoordinatorService
import HTTPTypes

/// The cookie by which a browser is known. Not for scripts; pages of other sites send it only when
/// a person follows a link from there.
enum SessionCookie {
    private static let name = "aibuild_session="

    static func header(_ session: String, isSecure: Bool) -> String {
        "\(name)\(session); HttpOnly; SameSite=Lax; Path=/; "
            + "Max-Age=\(AccessTimes.sessionMilliseconds / 1000)" + (isSecure ? "; Secure" : "")
    }

    /// Makes the browser forget it.
    static func removal(isSecure: Bool) -> String {
        "\(name); HttpOnly; SameSite=Lax; Path=/; Max-Age=0" + (isSecure ? "; Secure" : "")
    }

    static func value(in request: HTTPRequest) -> String? {
        for header in request.headers.all("Cookie") {
            for part in header.utf8.split(separator: UInt8(ascii: ";")) {
                let field = part.drop { $0 == UInt8(ascii: " ") }
                guard field.starts(with: name.utf8) else { continue }
                return String(Substring(field.dropFirst(name.utf8.count)))
            }
        }
        return nil
    }
}
