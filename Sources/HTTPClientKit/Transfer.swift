import CCurl
import FoundationEssentials
import Glibc
import HTTPTypes
import Support

/// One transfer, on the thread that calls `run`. Not Sendable: it is confined to that thread.
final class Transfer {
    private let request: TransferRequest
    private let limits: HTTPClientLimits
    private let canceller: Canceller
    private let receiver: any Receiver

    private var head = ResponseHead()
    private var headBytes = 0
    private var hasBegun = false
    private var errorBody: [UInt8] = []
    /// The error of a callback; the library itself only learns that it must stop.
    private var failure: (any Error)?
    private var lastActivity = Clocks.monotonicMilliseconds()
    private var source: BodySource?
    private var opener: SocketOpener?
    /// A TLS alert of the server rejected our certificate.
    private var isCertificateRefused = false
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init(
        _ request: TransferRequest, _ limits: HTTPClientLimits, _ canceller: Canceller,
        _ receiver: any Receiver
    ) {
        self.request = request
        self.limits = limits
        self.canceller = canceller
        self.receiver = receiver
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit { errorText.deallocate() }

    func run() throws(HTTPClientError) {
        if let defect = request.defect {
            throw HTTPClientError(
                .invalidRequest, "cannot ask \(request.shownURL): \(defect)")
        }
        CurlLibrary.start()
        guard let easy = curl_easy_init(), let multi = curl_multi_init() else {
            throw HTTPClientError(.other, "cannot ask \(request.shownURL): out of memory")
        }
        defer {
            canceller.disarm()
            curl_multi_remove_handle(multi, easy)
            curl_easy_cleanup(easy)
            curl_multi_cleanup(multi)
        }
        let list = try EasyOptions(request: request).apply(to: easy)
        defer { curl_slist_free_all(list) }
        aib_curl_receivers(
            easy, Self.onHeader, Self.onBody, Unmanaged.passUnretained(self).toOpaque(), errorText)
        if request.url.hasPrefix("https:") {
            aib_curl_tell(easy, Self.onDebug, Unmanaged.passUnretained(self).toOpaque())
        }
        if let filter = request.addressFilter {
            opener = SocketOpener(filter, request.shownURL, easy)
        }
        if let upload = request.upload { try begin(upload, easy) }
        curl_multi_add_handle(multi, easy)
        canceller.arm(multi)
        let code = try perform(easy, multi)
        try conclude(code)
    }

    /// Drives the library to the end of the transfer, and checks the timeouts.
    private func perform(
        _ easy: UnsafeMutableRawPointer, _ multi: UnsafeMutableRawPointer
    ) throws(HTTPClientError) -> CURLcode {
        let began = Clocks.monotonicMilliseconds()
        let total = request.timeouts.totalSeconds
        var sent: Int64 = 0
        lastActivity = began
        while true {
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            let result = aib_curl_result(multi)
            if result >= 0 { return CURLcode(rawValue: UInt32(result)) }
            if canceller.isCancelled { throw Self.cancelled }
            let now = Clocks.monotonicMilliseconds()
            if aib_curl_sent(easy) != sent {
                sent = Int64(aib_curl_sent(easy))
                lastActivity = now
            }
            let stallAt = lastActivity + Int64(request.timeouts.stallSeconds * 1000)
            if now >= stallAt { throw stalled }
            var wake = min(stallAt - now, 1000)
            if let total {
                let left = began + Int64(total * 1000) - now
                if left <= 0 {
                    throw HTTPClientError(
                        .timedOut, "\(request.shownURL) did not answer within \(shown(total))")
                }
                wake = min(wake, left)
            }
            curl_multi_poll(multi, nil, 0, Int32(max(wake, 1)), nil)
        }
    }

    private func begin(
        _ upload: UploadBody, _ easy: UnsafeMutableRawPointer
    ) throws(HTTPClientError) {
        do {
            source = BodySource(try upload.open(), easy, limitBytes: limits.errorBytes)
        } catch {
            throw sourceFailed(error)
        }
        let code = aib_curl_source(
            easy, Self.onSource, Unmanaged.passUnretained(self).toOpaque(),
            curl_off_t(upload.sizeBytes))
        guard code == CURLE_OK else {
            throw HTTPClientError(.other, "cannot ask \(request.shownURL): out of memory")
        }
    }

    private func conclude(_ code: CURLcode) throws(HTTPClientError) {
        // Another address of the server may have been open.
        if code != CURLE_OK, let refusal = opener?.refusal { throw refusal }
        if let failure = failure as? HTTPClientError { throw failure }
        if let failure {
            throw HTTPClientError(
                .receiver, "cannot keep what comes from \(request.shownURL)", cause: failure)
        }
        if code != CURLE_OK, try !takeLateAnswer() {
            throw TransferFailure(
                request: request, code: code, text: String(cString: errorText),
                isCertificateRefused: isCertificateRefused
            ).error
        }
        if isRefused { throw refusal }
        if !hasBegun { try guarded { try self.begin() } }
    }

    /// - Returns: whether the server had responded before it closed the connection.
    private func takeLateAnswer() throws(HTTPClientError) -> Bool {
        guard !hasBegun, let answer = source?.answer else { return false }
        try guarded {
            for line in answer.head { try takeHeader(line) }
            try answer.body.withUnsafeBytes { if $0.count > 0 { try takeBody($0) } }
        }
        return true
    }

    private func begin() throws {
        hasBegun = true
        try receiver.begin(head)
    }

    /// For the end of an empty body, which has no callback.
    private func guarded(_ work: () throws -> Void) throws(HTTPClientError) {
        do { try work() } catch let error as HTTPClientError { throw error } catch {
            throw HTTPClientError(
                .receiver, "cannot keep what comes from \(request.shownURL)", cause: error)
        }
    }

    private func takeHeader(_ line: Substring) throws {
        lastActivity = Clocks.monotonicMilliseconds()
        headBytes += line.utf8.count
        guard headBytes <= limits.headerBytes else {
            throw HTTPClientError(.tooLarge, "\(request.shownURL) answers with endless headers")
        }
        if line.hasPrefix("HTTP/") {
            // A new response begins: after a redirect, or after "100 Continue".
            head = ResponseHead(
                status: line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...]
            head.headers.append(
                String(line[..<colon]), value.trimmingPrefix { $0 == " " || $0 == "\t" }.description
            )
        }
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) throws {
        lastActivity = Clocks.monotonicMilliseconds()
        if canceller.isCancelled { throw Self.cancelled }
        if isRefused {
            // Read only as much as is worth quoting.
            guard errorBody.count + bytes.count <= limits.errorBytes else { throw refusal }
            errorBody.append(contentsOf: bytes)
            return
        }
        if !hasBegun { try begin() }
        try receiver.receive(bytes)
    }

    private static let onHeader: aib_curl_receive = { bytes, size, count, context in
        guard let bytes, let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let raw = UnsafeRawBufferPointer(start: bytes, count: size * count)
        let line = String(decoding: raw, as: UTF8.self).prefix { !$0.isNewline }
        return transfer.caught(raw.count) { try transfer.takeHeader(line) }
    }

    private static let onBody: aib_curl_receive = { bytes, size, count, context in
        guard let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let raw = UnsafeRawBufferPointer(start: bytes, count: size * count)
        return transfer.caught(raw.count) { try transfer.takeBody(raw) }
    }

    /// With TLS 1.3 the client completes the handshake before the server has checked its
    /// certificate. A refusal is then an alert that arrives where the response is read, and the
    /// library does not always report it as such.
    private static let onDebug: aib_curl_debug = { _, type, bytes, count, context in
        guard type == CURLINFO_TEXT, let bytes, let context else { return 0 }
        let raw = UnsafeRawBufferPointer(start: bytes, count: count)
        let words = String(decoding: raw, as: UTF8.self).lowercased()
        // "(OUT)" marks alerts that we sent.
        if !words.contains("(out)"), certificateAlerts.contains(where: words.contains) {
            Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().isCertificateRefused =
                true
        }
        return 0
    }

    private static let certificateAlerts = [
        "bad certificate", "certificate required", "unknown ca", "certificate unknown",
        "certificate expired", "certificate revoked",
    ].flatMap { ["alert \($0)", "alert, \($0)"] }

    /// Called by the library for the next bytes of the body.
    private static let onSource: aib_curl_receive = { buffer, size, count, context in
        guard let context else { return abortUpload }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        let room = UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
        do {
            if transfer.canceller.isCancelled { throw cancelled }
            let given = try transfer.source?.reader.read(into: room) ?? 0
            // Reading may have taken a while, during which nothing could be sent.
            transfer.lastActivity = Clocks.monotonicMilliseconds()
            return given
        } catch {
            transfer.failure = transfer.sourceFailed(error)
            return abortUpload
        }
    }

    /// CURL_READFUNC_ABORT.
    private static let abortUpload = 0x1000_0000

    /// Returns `count` if `work` succeeded; otherwise a count that stops the library.
    private func caught(_ count: Int, _ work: () throws -> Void) -> Int {
        do {
            try work()
            return count
        } catch {
            failure = error
            return count == 0 ? 1 : 0
        }
    }
}

extension Transfer {
    fileprivate var isRefused: Bool {
        head.status >= 400 && !receiver.takes(errorStatus: head.status)
    }

    fileprivate func sourceFailed(_ error: any Error) -> HTTPClientError {
        if let error = error as? HTTPClientError { return error }
        return HTTPClientError(
            .source, "cannot read what is to be sent to \(request.shownURL)", cause: error)
    }

    fileprivate static let cancelled = HTTPClientError(.cancelled, "the transfer was cancelled")

    fileprivate var stalled: HTTPClientError {
        let limit = shown(request.timeouts.stallSeconds)
        return HTTPClientError(.stalled, "\(request.shownURL) stalled: no byte for \(limit)")
    }

    /// A response with a status of 400 and more, as an error that quotes the server.
    fileprivate var refusal: HTTPClientError {
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(errorBody))
        let words = [problem?.detail, problem?.remedy].compactMap { $0 }.filter { !$0.isEmpty }
        let status = "\(head.status) \(HTTPStatus.reason(head.status))"
        var error = HTTPClientError(
            .status(head.status),
            "\(request.shownURL) answers \(status)"
                + (words.isEmpty ? "" : ": " + words.joined(separator: "; ")),
            problem: problem)
        error.body = errorBody
        return error
    }

    fileprivate func shown(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
