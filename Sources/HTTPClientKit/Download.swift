public import HTTPTypes

/// A file to download, and its limits.
public struct DownloadRequest: Sendable {
    public var url: String
    public var headers: HTTPHeaders = [:]
    /// The first byte to download; the caller has those before it.
    public var offset: Int64
    /// The entity tag of the caller's part. If the server's file has another one, the whole file is
    /// sent, from byte 0.
    public var ifRange: String?
    /// Largest size of the file, including the bytes before `offset`.
    public var limitBytes: Int64
    public var schemes: Set<URLScheme>
    public var timeouts: HTTPTimeouts
    /// Which addresses may be connected to, whatever names and redirects lead there; `nil`: all.
    /// With a filter, connections use IPv4 only.
    public var addressFilter: AddressFilter?
    /// `nil`: that of the environment.
    public var proxy: HTTPProxy?
    public var tls = TLSFiles()

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

/// Receives the bytes of a download, on the transfer's thread, in order.
public protocol DownloadSink: Sendable {
    /// Called once, before the first byte.
    ///
    /// - Parameters:
    ///   - offset: the offset of the bytes that follow: the requested one, or 0 if the server
    ///     ignores ranges or has another file. What the sink holds from there on is invalid.
    ///   - totalBytes: the size of the whole file, if known.
    func begin(offset: Int64, totalBytes: Int64?) throws
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws
}

/// The result of a download.
public struct DownloadResult: Sendable, Hashable {
    /// The offset of the received bytes: not the requested one if the server ignored that.
    public var offset: Int64
    /// The size of the whole file, including the bytes that the caller had.
    public var totalBytes: Int64
    public var entityTag: String?
}

extension HTTPClient {
    /// Asks for the headers of the file, without its content. Redirects are followed.
    ///
    /// - Throws: as `download`.
    public func headers(
        of download: DownloadRequest
    ) async throws(HTTPClientError) -> HTTPHeaders {
        var request = TransferRequest(
            method: "HEAD", url: download.url, headers: download.headers,
            timeouts: download.timeouts, redirects: limits.redirects)
        request.addressFilter = download.addressFilter
        request.proxy = download.proxy
        request.tls = download.tls
        let answer = try await collect(request)
        guard (200..<300).contains(answer.status) else {
            throw HTTPClientError(
                .status(answer.status), "\(request.shownURL) answers \(answer.status)")
        }
        return answer.headers
    }

    /// Downloads a file, or the rest of one. Redirects are followed, but never to a `file:` URL.
    ///
    /// - Throws: `.status` for a refusal, `.stalled`, `.broken`, `.rangeRefused` if the caller's
    ///   part cannot be the beginning of the server's file, `.receiver` if `sink` threw.
    public func download(
        _ download: DownloadRequest, to sink: any DownloadSink
    ) async throws(HTTPClientError) -> DownloadResult {
        var request = TransferRequest(
            url: download.url, headers: download.headers, offset: download.offset,
            timeouts: download.timeouts, schemes: download.schemes, redirects: limits.redirects)
        request.addressFilter = download.addressFilter
        request.proxy = download.proxy
        request.tls = download.tls
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
    /// The caller has the whole file: the body of the response is not part of it.
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

    /// 416, "nothing after the offset", means that the download is complete if the file ends there.
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
