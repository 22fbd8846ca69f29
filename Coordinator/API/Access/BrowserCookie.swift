import CoordinatorService
import HTTPTypes

/// What a browser keeps for this coordinator. Not for scripts; pages of other sites send it only
/// when a person follows a link from there.
struct BrowserCookie: Sendable {
    var name: String
    /// The pages that get it.
    var path: String
    var seconds: Int64

    /// By which a browser that is signed in is known.
    static let session = BrowserCookie(
        name: "aibuild_session", path: "/", seconds: AccessTimes.sessionMilliseconds / 1000)
    /// By which one that comes back from another system is known.
    static let visit = BrowserCookie(
        name: "aibuild_visit", path: BrowserSignInRoutes.path,
        seconds: AccessTimes.visitMilliseconds / 1000)

    /// - Parameter isSecure: a browser sends it by TLS only.
    func header(_ value: String, isSecure: Bool) -> String { field(value, isSecure, seconds) }

    /// Makes the browser forget it.
    func removal(isSecure: Bool) -> String { field("", isSecure, 0) }

    private func field(_ value: String, _ isSecure: Bool, _ seconds: Int64) -> String {
        "\(name)=\(value); HttpOnly; SameSite=Lax; Path=\(path); \(isSecure ? "Secure; " : "")"
            + "Max-Age=\(seconds)"
    }

    func value(in request: HTTPRequest) -> String? {
        let start = name + "="
        for header in request.headers.all("Cookie") {
            for part in header.utf8.split(separator: UInt8(ascii: ";")) {
                let field = part.drop { $0 == UInt8(ascii: " ") }
                guard field.starts(with: start.utf8) else { continue }
                return String(Substring(field.dropFirst(start.utf8.count)))
            }
        }
        return nil
    }
}
