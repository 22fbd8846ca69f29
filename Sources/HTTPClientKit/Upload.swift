public import HTTPTypes
public import Support

/// A body that is read as it is sent: never whole in memory, and no copy on disk.
public struct UploadBody: Sendable {
    /// Exactly what the reader gives.
    public var sizeBytes: Int64
    /// Begins a reading, on the transfer's thread.
    public var open: @Sendable () throws -> any ByteReader

    public init(sizeBytes: Int64, open: @escaping @Sendable () throws -> any ByteReader) {
        self.sizeBytes = sizeBytes
        self.open = open
    }
}

extension HTTPClient {
    /// A request whose body is read as it is sent. Redirects are not followed.
    ///
    /// - Parameter timeouts: `stallSeconds` is also how long the server may think after the last
    ///   byte.
    /// - Returns: the answer, whatever its status. A server that refuses may answer before all is
    ///   sent, and may cut the connection instead.
    /// - Throws: `.source` where reading failed, `.stalled`, `.broken` …
    public func upload(
        _ method: String = "PUT", _ url: String, headers: HTTPHeaders = [:], body: UploadBody,
        timeouts: HTTPTimeouts = HTTPTimeouts()
    ) async throws(HTTPClientError) -> HTTPAnswer {
        let request = TransferRequest(
            method: method, url: url, headers: headers, upload: body, timeouts: timeouts)
        let limit = limits.answerBytes
        return try await run(request) { request, limits, canceller throws(HTTPClientError) in
            let receiver = CollectingReceiver(limitBytes: limit)
            try Transfer(request, limits, canceller, receiver).run()
            return HTTPAnswer(
                status: receiver.head.status, headers: receiver.head.headers, body: receiver.body)
        }
    }
}
