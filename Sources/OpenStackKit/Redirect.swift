import HTTPClientKit
import HTTPTypes

/// Where a server sends a request to instead.
struct Redirect: Sendable, Hashable {
    var address: WebAddress
    /// Whether a secret may follow: to the same host, and not from TLS into clear text.
    var isTrusted: Bool
}

extension HTTPAnswer {
    /// `nil` unless the response is a redirect that can be followed.
    func redirect(from url: String) -> Redirect? {
        guard [301, 302, 303, 307, 308].contains(status), let place = WebAddress(url),
            let next = headers["Location"].flatMap({ place.resolving($0) })
        else { return nil }
        return Redirect(
            address: next,
            isTrusted: next.origin.host == place.origin.host
                && (next.origin.isEncrypted || !place.origin.isEncrypted))
    }
}
