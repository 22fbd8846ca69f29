public import HTTPTypes
public import Support

/// A body that is read while it is sent: never completely in memory, and without a copy on disk.
public struct UploadBody: Sendable {
    /// The exact number of bytes that the reader returns.
    public var sizeBytes: Int64
    /// Opens the reader, on the transfer's thread.
    public var open: @Sendable () throws -> any ByteReader

    public init(sizeBytes: Int64, open: @escaping @Sendable () throws -> any ByteReader) {
        self.sizeBytes = sizeBytes
        self.open = open
    }
}

extension HTTPClient {
    /// Sends a request whose body is read meanwhile. Redirects are not followed.
    ///
    /// - Parameter timeouts: `stallSeconds` also limits the time until the server's response after
    ///   the last byte.
    /// - Returns: the response, whatever its status. A server that refuses may respond before
    ///   everything is sent, and may close the connection instead.
    /// - Throws: `.source` if reading failed, `.stalled`, `.broken` …
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
