import CoordinatorService
import HTTPTypes

/// The cookie by which a browser is known. Not for scripts; pages of other sites send it only when
/// a person follows a link from there.
enum SessionCookie {
    private static let name = "aibuild_session="

    static func header(_ session: String, isSecure: Bool) -> String {
        field(session, isSecure, seconds: AccessTimes.sessionMilliseconds / 1000)
    }

    /// Makes the browser forget it.
    static func removal(isSecure: Bool) -> String { field("", isSecure, seconds: 0) }

    /// - Parameter isSecure: a browser sends it by TLS only.
    private static func field(_ value: String, _ isSecure: Bool, seconds: Int64) -> String {
        "\(name)\(value); HttpOnly; SameSite=Lax; Path=/; \(isSecure ? "Secure; " : "")"
            + "Max-Age=\(seconds)"
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
