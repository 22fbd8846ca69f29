public import HTTPTypes

/// What is to be downloaded, and what is allowed on the way.
public struct DownloadRequest: Sendable {
    public var url: String
    public var headers: HTTPHeaders = [:]
    /// The first byte that is wanted: what the caller has already.
    public var offset: Int64
    /// The entity tag of what the caller has. If the server's file has another one by now, all of
    /// it is sent, from byte 0.
    public var ifRange: String?
    /// Most bytes that are taken, those before `offset` included.
    public var limitBytes: Int64
    public var schemes: Set<URLScheme>
    public var timeouts: HTTPTimeouts

    public init(
        url: String, offset: Int64 = 0, ifRange: String? = nil, limitBytes: Int64 = .max,
        schemes: Set<URLScheme> = [.http], timeouts: HTTPTimeouts = HTTPTimeouts()
    ) {
        self.url = url
        self.offset = offset
        self.ifRange = ifRange
        self.limitBytes = limitBytes
        self.schemes = schemes
        self.timeouts = timeouts
    }
}

/// Takes the bytes of a download, on the transfer's thread, in order.
public protocol DownloadSink: Sendable {
    /// Once, before the first byte.
    ///
    /// - Parameters:
    ///   - offset: where the bytes begin that follow: the one asked for, or 0 where the server
    ///     ignores ranges or has another file by now. What the sink holds from there on is void.
    ///   - totalBytes: of the whole file, where the server says.
    func begin(offset: Int64, totalBytes: Int64?) throws
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
}

/// How a download ended.
public struct DownloadResult: Sendable, Hashable {
    /// Where the bytes began that came: not the offset asked for, if the server ignored that.
    public var offset: Int64
    /// Of the whole file, bytes that the caller had already included.
    public var totalBytes: Int64
    public var entityTag: String?
}

extension HTTPClient {
    /// Downloads a file, or the rest of one. Redirects are followed, never to a `file:` URL.
    ///
    /// - Throws: `.status` for a refusal, `.stalled`, `.broken`, `.rangeRefused` where what the
    ///   caller has cannot be the beginning of the server's file, `.receiver` where `sink` threw.
    public func download(
        _ download: DownloadRequest, to sink: any DownloadSink
    ) async throws(HTTPClientError) -> DownloadResult {
        var request = TransferRequest(
            url: download.url, headers: download.headers, offset: download.offset,
            timeouts: download.timeouts, schemes: download.schemes, redirects: limits.redirects)
        if download.offset > 0, let tag = download.ifRange {
            request.headers.append("If-Range", tag)
        }
        return try await run(request) { request, limits, canceller throws(HTTPClientError) in
            let receiver = DownloadReceiver(request, download, sink)
            try Transfer(request, limits, canceller, receiver).run()
            return receiver.result
        }
    }
}

/// Follows one download on its thread.
private final class DownloadReceiver: Receiver {
    private let request: TransferRequest
    private let download: DownloadRequest
    private let sink: any DownloadSink
    private var offset: Int64
    private var position: Int64
    private var entityTag: String?
    /// The caller has all of it: what the server says of that is no part of the file.
    private var isComplete = false

    init(_ request: TransferRequest, _ download: DownloadRequest, _ sink: any DownloadSink) {
        self.request = request
        self.download = download
        self.sink = sink
        offset = download.offset
        position = download.offset
    }

    var result: DownloadResult {
        DownloadResult(offset: offset, totalBytes: position, entityTag: entityTag)
    }

    /// 416, "nothing behind the offset", is good news when the file ends there.
    func takes(errorStatus: Int) -> Bool { errorStatus == 416 && download.offset > 0 }

    func begin(_ head: ResponseHead) throws {
        entityTag = head.headers["ETag"]
        let range = ContentRange(head.headers["Content-Range"])
        let length = head.headers["Content-Length"].flatMap { Int64($0) }
        var total: Int64?
        switch head.status {
        case 416:
            guard range?.total == offset else { throw refused }
            isComplete = true
            return
        case 206:
            guard let range, range.first == offset else { throw refused }
            total = range.total
        case 0:  // a `file:` URL: the length is that of what follows
            total = length.map { $0 + offset }
        case 200..<300:
            offset = 0
            position = 0
            total = length
        default:
            throw HTTPClientError(
                .status(head.status),
                "\(request.shownURL) answers \(head.status), which is no file")
        }
        if let total, total > download.limitBytes { throw tooLarge }
        try sink.begin(offset: offset, totalBytes: total)
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        if isComplete { return }
        guard Int64(bytes.count) <= download.limitBytes - position else { throw tooLarge }
        try sink.write(bytes, at: position)
        position += Int64(bytes.count)
    }

    private var refused: HTTPClientError {
        HTTPClientError(
            .rangeRefused,
            "\(request.shownURL) cannot be resumed at byte \(download.offset): "
                + "the server's file is another one; begin anew")
    }

    private var tooLarge: HTTPClientError {
        HTTPClientError(
            .tooLarge,
            "\(request.shownURL) is larger than the \(download.limitBytes) bytes allowed")
    }
}

/// `bytes 5-9/10`, or `bytes */10`.
struct ContentRange {
    var first: Int64?
    var total: Int64?

    init?(_ text: String?) {
        guard let text, text.hasPrefix("bytes ") else { return nil }
        let parts = text.dropFirst(6).split(separator: "/")
        guard parts.count == 2 else { return nil }
        first = parts[0].split(separator: "-").first.flatMap { Int64($0) }
        total = Int64(parts[1])
    }
}
