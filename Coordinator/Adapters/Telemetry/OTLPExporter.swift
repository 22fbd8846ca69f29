public import CoordinatorCore
import HTTPClientKit
import HTTPTypes
import Support
import Synchronization
import TextKit

/// Sends the steps of traces to a receiver of OpenTelemetry, by OTLP over HTTP as JSON. What is
/// taken waits in a queue of bounded length; what does not fit is dropped and counted.
public final class OTLPExporter: SpanSink {
    public struct Settings: Sendable {
        /// As OpenTelemetry's `OTEL_EXPORTER_OTLP_ENDPOINT`: `/v1/traces` is appended.
        public var url: String
        /// A file of trusted authorities; `nil`: the system's.
        public var authorities: String?

        public init(url: String, authorities: String? = nil) {
            self.url = url
            self.authorities = authorities
        }
    }

    public enum Result: String, Sendable { case sent, refused, dropped }

    /// Of all builds in a minute or two of a receiver's restart.
    static let waitingSpans = 4096
    private static let batchSpans = 512
    private static let tries = 6
    private static let collectMilliseconds = 1000
    private static let timeouts = HTTPTimeouts(
        connectSeconds: 5, stallSeconds: 10, totalSeconds: 15)

    private let url: String
    private let version: String
    private let instance: String
    private let http: HTTPClient
    private let observe: @Sendable (Result, Int) -> Void
    private let waiting = Mutex<[Span]>([])
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let log = Logger("telemetry")

    /// - Parameters:
    ///   - instance: this coordinator's address.
    ///   - observe: is told what became of how many.
    public init(
        _ settings: Settings, version: String, instance: String,
        observe: @escaping @Sendable (Result, Int) -> Void
    ) {
        var base = settings.url
        while base.hasSuffix("/") { base.removeLast() }
        url = base + "/v1/traces"
        self.version = version
        self.instance = instance
        self.observe = observe
        var limits = HTTPClientLimits()
        limits.answerBytes = 64 << 10
        http = HTTPClient(limits: limits, tls: TLSFiles(authorities: settings.authorities))
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    public func take(_ span: Span) {
        let isTaken = waiting.withLock { waiting in
            guard waiting.count < Self.waitingSpans else { return false }
            waiting.append(span)
            return true
        }
        if isTaken { wake.yield() } else { observe(.dropped, 1) }
    }

    /// Until the task is cancelled.
    public func run() async {
        for await _ in wakes {
            // Steps of one build end together.
            try? await Task.sleep(for: .milliseconds(Self.collectMilliseconds))
            while let batch = next() { await send(batch) }
        }
    }

    private func next() -> [Span]? {
        waiting.withLock { waiting in
            guard !waiting.isEmpty else { return nil }
            let batch = Array(waiting.prefix(Self.batchSpans))
            waiting.removeFirst(batch.count)
            return batch
        }
    }

    /// The receiver may be away for a moment; what it refuses, it refuses again.
    private func send(_ batch: [Span]) async {
        guard let body = try? OTLPTrace(batch, version: version, instance: instance).encoded()
        else { return observe(.refused, batch.count) }
        var problem = ""
        for attempt in 0..<Self.tries {
            if attempt > 0 { try? await Task.sleep(for: .seconds(1 << attempt)) }
            if Task.isCancelled { break }
            do throws(HTTPClientError) {
                let answer = try await http.request(
                    "POST", url, headers: ["Content-Type": "application/json"], body: body,
                    timeouts: Self.timeouts)
                if (200..<300).contains(answer.status) { return observe(.sent, batch.count) }
                problem = "it answers with the status \(answer.status)"
                guard answer.status == 429 || answer.status >= 500 else {
                    log.warning("\(url) refuses \(batch.count) spans: \(problem)")
                    return observe(.refused, batch.count)
                }
            } catch { problem = "\(error)" }
        }
        observe(.dropped, batch.count)
        log.warning("dropped \(batch.count) spans for \(url): \(problem)")
    }
}
