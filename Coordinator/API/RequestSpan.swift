import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support

/// The step of a trace that a request is, if it changes something and somebody takes traces.
struct RequestSpan: Sendable {
    let context: SpanContext
    private let parent: SpanContext?
    private let name: String
    private let attributes: [String: String]
    private let began: Int64
    private let ports: Ports
    private let sink: any SpanSink

    /// - Parameter id: of the request.
    init?(_ request: HTTPRequest, _ route: Router.Match?, id: String, _ ports: Ports) {
        guard let sink = ports.spans, let route, request.isChange else { return nil }
        self.sink = sink
        self.ports = ports
        parent = request.headers["traceparent"].flatMap { SpanContext(traceparent: $0) }
        let digest = SHA256.hex("request \(id)".utf8)
        context = SpanContext(
            trace: parent?.trace ?? String(digest.prefix(32)), span: String(digest.suffix(16)))
        name = "\(route.method) \(route.pattern)"
        attributes = [
            "http.request.method": route.method, "http.route": route.pattern,
            "aibuild.request": id,
        ]
        began = ports.clock.unixMilliseconds()
    }

    func ended(_ status: Int) {
        var span = Span(
            context, parent: parent?.span, name, startMilliseconds: began,
            endMilliseconds: ports.clock.unixMilliseconds())
        span.kind = .server
        span.attributes = attributes
        span.attributes["http.response.status_code"] = "\(status)"
        if status >= 500 { span.problem = "status \(status)" }
        sink.take(span)
    }
}
