import CoordinatorAPI
import HTTPTypes
import Support

/// What the API answered.
struct Answer {
    var status: Int
    var headers: HTTPHeaders
    var body: HTTPBody

    /// The body as bytes; empty if it is a file or a stream.
    var bytes: [UInt8] {
        if case .bytes(let bytes) = body { bytes } else { [] }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The pieces of a stream of events, as they come.
    func stream() throws -> EventStream {
        guard case .stream(let source) = body else { throw Failure("no stream: \(text)") }
        return EventStream(source: source)
    }
}

/// The pieces of an answer that has no end yet.
struct EventStream {
    let source: any HTTPStreamSource

    /// `nil` at the end.
    func next() async -> String? {
        await source.next().map { String(decoding: $0, as: UTF8.self) }
    }
}

extension API {
    /// Asks without a socket, with the token and one of the coordinator's names, unless `headers`
    /// say otherwise. A body is said to be JSON.
    func ask(
        _ method: String, _ target: String, _ body: String = "",
        headers: HTTPHeaders = ["Content-Type": "application/json"],
        isStranger: Bool = false
    ) async throws -> Answer {
        var headers = headers
        if headers["Host"] == nil { headers.set("Host", "127.0.0.1:9753") }
        if !isStranger { headers.set("Authorization", "Bearer \(Self.token)") }
        let response = await respond(
            to: try HTTPRequest(
                method: method, target: target, headers: headers, body: Array(body.utf8),
                remoteAddress: "127.0.0.1"))
        return Answer(status: response.status, headers: response.headers, body: response.body)
    }
}
