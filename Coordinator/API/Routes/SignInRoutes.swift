import HTTPTypes

/// How a browser gets its session: `aibuild web` asks for a code, a person opens its address.
enum SignInRoutes {
    private struct Code: Encodable {
        var path: String
        /// As people reach it; `nil` if the configuration does not say how.
        var url: String?
        var expiresSeconds: Int64
    }

    /// - Parameter url: of this coordinator, as people reach it.
    static func add(to router: inout Router, _ sessions: BrowserSessions, url: String?) {
        router.on("POST", "/api/v1/sign-in-codes") { _, _ in
            let path = "/sign-in?code=\(sessions.newCode())"
            return try .json(
                Code(
                    path: path,
                    url: url.map { ($0.hasSuffix("/") ? String($0.dropLast()) : $0) + path },
                    expiresSeconds: APILimits.signInCodeMilliseconds / 1000),
                status: 201)
        }
        router.on("GET", "/sign-in") { request, _ in
            guard let session = sessions.session(for: request.query["code"] ?? "") else {
                throw Problem.unauthorized(
                    "This address has been used, or is too old",
                    remedy: "Open the address that this prints: aibuild web")
            }
            let cookie = BrowserSessions.cookie(
                session, isSecure: request.isEncrypted || url?.hasPrefix("https://") == true)
            return HTTPResponse(
                status: 303,
                headers: [
                    "Location": "/", "Set-Cookie": cookie,
                    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                ])
        }
    }
}
