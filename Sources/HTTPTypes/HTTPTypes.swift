//! HTTPTypes: requests, responses, problems, byte ranges and the router as plain values, shared by
//! the server and by whoever answers requests. Opens no file, no socket; knows no C library.

/// A request whose body has arrived completely.
public struct HTTPRequest: Sendable {
    /// As sent: `GET`, `POST` …
    public var method: String
    /// Percent-decoded, begins with `/`. Holds no `.` or `..` segment, no empty one but a last
    /// one, no control character, and no slash that stood encoded in the target.
    public var path: String
    public var query: HTTPQuery
    /// Path and query as they were sent, for sending the request on.
    public var target: String
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// The numeric address of the peer, for logs and audit; `""` where there is none.
    public var remoteAddress: String

    /// - Parameter target: as it stands in the request line: `/a%20b?c=d`, or an absolute URL.
    /// - Throws: a `Problem` of status 400 that names what is wrong with the target.
    public init(
        method: String, target: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        remoteAddress: String = ""
    ) throws(Problem) {
        let target = try RequestTarget(target)
        self.method = method
        path = target.path
        query = target.query
        self.target = target.original
        self.headers = headers
        self.body = body
        self.remoteAddress = remoteAddress
    }

    /// What stands between the slashes of `path`; a last slash adds no segment.
    public var segments: [String] { path.split(separator: "/").map(String.init) }
}

/// What is answered.
public struct HTTPResponse: Sendable {
    public var status: Int
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are the server's business.
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
    /// Sent as it comes, of a length nobody knows yet.
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

/// Where the bytes of a streamed body come from.
///
/// The server asks for the next piece only when the client has taken the piece before, so a source
/// needs no queue towards its client. One call is under way at a time.
public protocol HTTPStreamSource: Sendable {
    /// Waits until there is something to send; `nil` ends the body well. An empty piece sends
    /// nothing. A client that went away is noticed only by sending, so a source that may be silent
    /// for long sends something harmless from time to time.
    func next() async -> [UInt8]?

    /// The client went away, or the server stops, before `next` answered `nil`. Called once at
    /// most; a `next` that still waits then runs in a cancelled task, and its answer is dropped.
    func cancelled() async
}
