import TextKit

extension HTTPResponse {
    /// `value` as JSON, with sorted keys. It should not contain `Date`: callers format times.
    public static func json(
        _ value: some Encodable, status: Int = 200, headers: HTTPHeaders = [:]
    ) throws -> HTTPResponse {
        of(try CanonicalJSON.encode(value), "application/json", status, headers)
    }

    public static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: Int = 200,
        headers: HTTPHeaders = [:]
    ) -> HTTPResponse {
        of(Array(text.utf8), type, status, headers)
    }

    /// `text/event-stream`, which proxies and browsers must not cache or buffer.
    public static func events(_ source: any HTTPStreamSource) -> HTTPResponse {
        HTTPResponse(
            headers: [
                "Content-Type": "text/event-stream", "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            ], body: .stream(source))
    }

    /// Status 204, without a body.
    public static var empty: HTTPResponse { HTTPResponse(status: 204) }

    /// A regular file of `sizeBytes` bytes, or the part that the request's `Range` selects, by its
    /// conditions: 200, 206, 304, 412 or 416.
    public static func file(
        _ path: String, sizeBytes: Int64, type: String, version: FileVersion,
        for request: HTTPRequest
    ) -> HTTPResponse {
        switch version.status(of: request) {
        case 304?: return HTTPResponse(status: 304, headers: version.headers)
        case let status?:
            return Problem(
                status: status, detail: "The file is not the one that the request asks for"
            ).response
        case nil: break
        }
        var headers = version.headers
        headers.set("Accept-Ranges", "bytes")
        headers.set("Content-Type", type)
        let isPart = request.method == "GET" && version.continues(request.headers["If-Range"])
        let range = isPart ? request.headers["Range"] : nil
        switch ByteRange.parse(range, sizeBytes: sizeBytes) {
        case .whole:
            return HTTPResponse(
                headers: headers, body: .file(FileSlice(path: path, lengthBytes: sizeBytes)))
        case .part(let part):
            var response = HTTPResponse(status: 206, headers: headers)
            response.headers.set("Content-Range", part.contentRange(sizeBytes: sizeBytes))
            response.body = .file(
                FileSlice(path: path, offset: part.offset, lengthBytes: part.lengthBytes))
            return response
        case .unsatisfiable:
            return Problem(
                status: 416, detail: "The file has \(sizeBytes) bytes",
                headers: ["Content-Range": "bytes */\(sizeBytes)"]
            ).response
        }
    }

    private static func of(
        _ bytes: [UInt8], _ type: String, _ status: Int, _ headers: HTTPHeaders
    ) -> HTTPResponse {
        var response = HTTPResponse(status: status, headers: headers, body: .bytes(bytes))
        response.headers.set("Content-Type", type)
        return response
    }
}
