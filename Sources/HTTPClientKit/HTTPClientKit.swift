//! HTTPClientKit: an HTTP client on libcurl: responses in memory, downloads that resume, uploads
//! that are read while they are sent, streams of server-sent events. Independent of their content.
//! No blocking call runs on the cooperative pool.

import Glibc
public import HTTPTypes
import Support

/// A response with its whole body.
public struct HTTPAnswer: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]
}

/// An HTTP client. Cheap to create; share one to share its limit on transfers.
public final class HTTPClient: Sendable {
    let limits: HTTPClientLimits
    private let tls: TLSFiles
    private let threads: WorkerThreads

    public init(limits: HTTPClientLimits = HTTPClientLimits(), tls: TLSFiles = TLSFiles()) {
        self.limits = limits
        self.tls = tls
        threads = WorkerThreads(limit: limits.transfers, waitingLimit: limits.waitingTransfers)
    }

    /// Sends a request and returns the response, whatever its status. Redirects are followed as
    /// `trustedRedirects` allows.
    public func request(
        _ method: String = "GET", _ url: String, headers: HTTPHeaders = [:], body: [UInt8] = [],
        timeouts: HTTPTimeouts = HTTPTimeouts()
    ) async throws(HTTPClientError) -> HTTPAnswer {
        let request = TransferRequest(
            method: method, url: url, headers: headers, body: body, timeouts: timeouts,
            redirects: limits.trustedRedirects, keepsAuthorization: true)
        return try await collect(request)
    }

    /// Runs the transfer and keeps the body of its answer.
    func collect(_ request: TransferRequest) async throws(HTTPClientError) -> HTTPAnswer {
        let limit = limits.answerBytes
        return try await run(request) { request, limits, canceller throws(HTTPClientError) in
            let receiver = CollectingReceiver(limitBytes: limit)
            try Transfer(request, limits, canceller, receiver).run()
            return HTTPAnswer(
                status: receiver.head.status, headers: receiver.head.headers, body: receiver.body)
        }
    }

    /// Passes the body of a response on as it arrives, until the server ends it or the task is
    /// cancelled.
    ///
    /// - Parameters:
    ///   - timeouts: `stallSeconds` must be longer than the interval of heartbeats.
    ///   - onBytes: called on the transfer's thread; the server waits meanwhile. An error that it
    ///     throws ends the transfer and becomes the `cause`.
    /// - Throws: also for a status of 400 and more.
    public func stream(
        _ url: String, method: String = "GET", headers: HTTPHeaders = [:],
        timeouts: HTTPTimeouts = HTTPTimeouts(),
        onBytes: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws(HTTPClientError) {
        let request = TransferRequest(
            method: method, url: url, headers: headers, timeouts: timeouts,
            redirects: limits.trustedRedirects, keepsAuthorization: true)
        try await run(request) { request, limits, canceller throws(HTTPClientError) in
            let receiver = PassingReceiver(onBytes: onBytes)
            try Transfer(request, limits, canceller, receiver).run()
        }
    }

    /// Runs a transfer on a thread of its own; cancelling the task ends it.
    func run<Value: Sendable>(
        _ request: TransferRequest,
        _ work:
            @escaping @Sendable (
                TransferRequest, HTTPClientLimits, Canceller
            ) throws(HTTPClientError) -> Value
    ) async throws(HTTPClientError) -> Value {
        let canceller = Canceller()
        let limits = self.limits
        var trusting = request
        trusting.tls = tls
        let request = trusting
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Result<Value, HTTPClientError>, Never>) in
                let job: @Sendable () -> Void = {
                    Self.blockBrokenPipe()
                    do throws(HTTPClientError) {
                        let value = try work(request, limits, canceller)
                        continuation.resume(returning: .success(value))
                    } catch {
                        continuation.resume(returning: .failure(error))
                    }
                }
                if !threads.run(job) {
                    continuation.resume(
                        returning: .failure(
                            HTTPClientError(
                                .busy,
                                "cannot ask \(request.shownURL): too many transfers wait")))
                }
            }
        } onCancel: {
            canceller.cancel()
        }
        return try result.get()
    }

    /// A write to a closed TLS connection must not end the program.
    private static func blockBrokenPipe() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }
}
