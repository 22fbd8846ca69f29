import BuildProtocol
import CoordinatorCore
import HTTPTypes
import Support
import Synchronization

/// The browsers that are signed in: `aibuild web` asks for a code, the browser exchanges it for a
/// cookie. In memory only: after a restart a person signs in again.
final class BrowserSessions: Sendable {
    private struct State {
        var codes = ExpiringDigests(limit: APILimits.signInCodes)
        var sessions = ExpiringDigests(limit: APILimits.sessions)
    }

    private let clock: any TimeSource
    private let ids: any IDSource
    private let state = Mutex(State())

    init(clock: any TimeSource, ids: any IDSource) {
        self.clock = clock
        self.ids = ids
    }

    /// A code that signs one browser in, once and soon.
    func newCode() -> String {
        let code = ids.randomToken().description
        let end = clock.monotonicMilliseconds() + APILimits.signInCodeMilliseconds
        state.withLock { $0.codes.insert(code, untilMilliseconds: end) }
        return code
    }

    /// The session that a code is exchanged for; `nil` if the code is unknown, used or too old.
    func session(for code: String) -> String? {
        let session = ids.randomToken().description
        let now = clock.monotonicMilliseconds()
        return state.withLock { state in
            guard state.codes.remove(code, nowMilliseconds: now) else { return nil }
            state.sessions.insert(
                session, untilMilliseconds: now + APILimits.sessionMilliseconds)
            return session
        }
    }

    func isSignedIn(_ session: String) -> Bool {
        let now = clock.monotonicMilliseconds()
        return state.withLock { $0.sessions.contains(session, nowMilliseconds: now) }
    }

    // MARK: The cookie

    private static let cookie = "aibuild_session="

    /// Not for scripts, and not for requests that pages of other sites send.
    /// - Parameter isSecure: a browser sends it by TLS only.
    static func cookie(_ session: String, isSecure: Bool) -> String {
        "\(cookie)\(session); HttpOnly; SameSite=Strict; Path=/; \(isSecure ? "Secure; " : "")"
            + "Max-Age=\(APILimits.sessionMilliseconds / 1000)"
    }

    static func session(of request: HTTPRequest) -> String? {
        for header in request.headers.all("Cookie") {
            for part in header.utf8.split(separator: UInt8(ascii: ";")) {
                let field = part.drop { $0 == UInt8(ascii: " ") }
                guard field.starts(with: cookie.utf8) else { continue }
                return String(Substring(field.dropFirst(cookie.utf8.count)))
            }
        }
        return nil
    }
}

/// A few secrets, by their digests, each until its time.
private struct ExpiringDigests {
    private let limit: Int
    private var ends: [String: Int64] = [:]

    init(limit: Int) { self.limit = limit }

    /// If there are too many, the one that ends first makes room.
    mutating func insert(_ secret: String, untilMilliseconds end: Int64) {
        while ends.count >= limit, let first = ends.min(by: { $0.value < $1.value }) {
            ends[first.key] = nil
        }
        ends[SHA256.hex(secret.utf8)] = end
    }

    func contains(_ secret: String, nowMilliseconds now: Int64) -> Bool {
        ends[SHA256.hex(secret.utf8)].map { now < $0 } ?? false
    }

    /// - Returns: whether it was there and its time had not passed.
    mutating func remove(_ secret: String, nowMilliseconds now: Int64) -> Bool {
        ends.removeValue(forKey: SHA256.hex(secret.utf8)).map { now < $0 } ?? false
    }
}
