//! HTTPTypes: requests, responses, problems, byte ranges and the router as plain values, shared by
//! the server and its handlers. It opens no file or socket, and uses no C library.

import TextKit

/// A request whose body has arrived completely.
public struct HTTPRequest: Sendable {
    /// As sent: `GET`, `POST` …
    public var method: String
    /// Percent-decoded; begins with `/`. Contains no `.` or `..` segment, no empty one except the
    /// last, no control character, and no slash that was encoded in the target.
    public var path: String
    public var query: HTTPQuery
    /// Path and query as sent, for redirects.
    public var target: String
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// The numeric address of the client, for logs and audit; `""` if there is none.
    public var remoteAddress: String
    /// Whether the client sent it by TLS.
    public var isEncrypted = false
    /// Who sent it, in the words of whoever admitted it; see `HTTPAdmission`.
    public var sender: (any Sendable)?

    /// - Parameter target: as in the request line: `/a%20b?c=d`, or an absolute URL.
    /// - Throws: a `Problem` that says what is wrong with the target: status 400, or 301 if only
    ///   some of its slashes are doubled.
    public init(
        method: String, target: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        remoteAddress: String = ""
    ) throws(Problem) {
        let target = try RequestTarget(target, isRead: ["GET", "HEAD"].contains(method))
        self.method = method
        path = target.path
        query = target.query
        self.target = target.original
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// The parts of `path` between slashes; a trailing slash adds none.
    public var segments: [String] { path.pathSegments.filter { !$0.isEmpty }.map(String.init) }
}

/// What becomes of a request, decided by its headers before its body is read.
public enum HTTPAdmission: Sendable {
    case refused(HTTPResponse)
    /// Called once, with the whole request.
    case served(@Sendable (HTTPRequest) async -> HTTPResponse)
}

/// A response.
public struct HTTPResponse: Sendable {
    public var status: Int
    /// Without `Content-Length`, `Transfer-Encoding`, `Connection` and `Date`, which the server
    /// sets.
    public var headers: HTTPHeaders
    public var body: HTTPBody

    public init(status: Int = 200, headers: HTTPHeaders = [:], body: HTTPBody = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

public enum HTTPBody: Sendable {
    case bytes([UInt8])
    case file(FileSlice)
    /// Sent as it is produced, with unknown length.
    case stream(any HTTPStreamSource)
}

/// A part of a regular file, sent by the server without passing through the program's memory.
public struct FileSlice: Sendable, Hashable {
    public var path: String
    public var offset: Int64
    public var lengthBytes: Int64

    public init(path: String, offset: Int64 = 0, lengthBytes: Int64) {
        self.path = path
        self.offset = offset
        self.lengthBytes = lengthBytes
    }
}

/// The source of a streamed body.
///
/// The server asks for the next piece only when the client has accepted the previous one, so a
/// source needs no queue for its client. Only one call is in progress at a time.
public protocol HTTPStreamSource: Sendable {
    /// Waits until there is something to send; `nil` ends the body. An empty piece sends nothing. A
    /// disconnected client is noticed only by sending, so a source that may be silent for long
    /// should send something harmless from time to time.
    func next() async -> [UInt8]?

    /// The client disconnected, or the server stops, before `next` returned `nil`. Called at most
    /// once; a pending `next` then runs in a cancelled task, and its result is dropped.
    func cancelled() async
}
