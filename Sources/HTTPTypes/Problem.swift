import TextKit

/// An error in the format of RFC 9457 (`application/problem+json`), with a remedy.
public struct Problem: Error, Sendable, Codable {
    /// A URI for the kind of problem; `about:blank` if the status is sufficient.
    public var type: String
    /// The kind in a few words, the same for each occurrence.
    public var title: String
    public var status: Int
    /// What happened, to what.
    public var detail: String
    /// What to do next.
    public var remedy: String?
    /// Header fields that belong to the status: `Allow`, `Retry-After`, `WWW-Authenticate`.
    public var headers: HTTPHeaders = [:]

    private enum CodingKeys: String, CodingKey { case type, title, status, detail, remedy }

    public init(
        status: Int, title: String? = nil, type: String = "about:blank", detail: String,
        remedy: String? = nil, headers: HTTPHeaders = [:]
    ) {
        self.status = status
        self.title = title ?? HTTPStatus.reason(status)
        self.type = type
        self.detail = detail
        self.remedy = remedy
        self.headers = headers
    }

    /// Lenient: a problem from another program may lack everything but a detail.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let status = try fields.decodeIfPresent(Int.self, forKey: .status) ?? 0
        self.init(
            status: status,
            title: try fields.decodeIfPresent(String.self, forKey: .title),
            type: try fields.decodeIfPresent(String.self, forKey: .type) ?? "about:blank",
            detail: try fields.decodeIfPresent(String.self, forKey: .detail) ?? "",
            remedy: try fields.decodeIfPresent(String.self, forKey: .remedy))
    }
}

extension Problem {
    public static func badRequest(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 400, detail: detail, remedy: remedy)
    }

    /// The client must authenticate. `challenge` is the value of `WWW-Authenticate`.
    public static func unauthorized(
        _ detail: String, remedy: String? = nil, challenge: String = "Bearer"
    ) -> Problem {
        Problem(
            status: 401, detail: detail, remedy: remedy, headers: ["WWW-Authenticate": challenge])
    }

    public static func forbidden(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 403, detail: detail, remedy: remedy)
    }

    public static func notFound(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 404, detail: detail, remedy: remedy)
    }

    /// - Parameter allow: the methods that the resource supports.
    public static func methodNotAllowed(_ method: String, allow: [String]) -> Problem {
        let known = allow.joined(separator: ", ")
        return Problem(
            status: 405, detail: "Method \(method.prefix(32)) is not allowed here",
            remedy: "Use \(known)", headers: ["Allow": known])
    }

    public static func conflict(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 409, detail: detail, remedy: remedy)
    }

    public static func tooLarge(limitBytes: Int) -> Problem {
        Problem(
            status: 413, detail: "The request body is larger than \(limitBytes) bytes",
            remedy: "Send less in one request")
    }

    public static func unsupportedType(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 415, detail: detail, remedy: remedy)
    }

    /// The request is well formed, but cannot be fulfilled.
    public static func unprocessable(_ detail: String, remedy: String? = nil) -> Problem {
        Problem(status: 422, detail: detail, remedy: remedy)
    }

    /// Only for unexpected errors: the detail must not reveal secrets.
    public static func internalError(
        _ detail: String = "The server failed to answer. Its log has the reason"
    ) -> Problem {
        Problem(status: 500, detail: detail)
    }

    public static func unavailable(
        _ detail: String, remedy: String? = nil, retryAfterSeconds: Int = 5
    ) -> Problem {
        Problem(
            status: 503, detail: detail, remedy: remedy,
            headers: ["Retry-After": String(retryAfterSeconds)])
    }

    /// The problem as a response.
    public var response: HTTPResponse {
        // Five strings and a number always encode; if they did not, there is still the status.
        let body = (try? CanonicalJSON.encode(self)) ?? []
        var response = HTTPResponse(status: status, headers: headers, body: .bytes(body))
        response.headers.set("Content-Type", "application/problem+json")
        // The detail may repeat what a stranger sent.
        response.headers.set("X-Content-Type-Options", "nosniff")
        response.headers.set("Content-Security-Policy", "sandbox")
        return response
    }
}
