import CoordinatorCore
import TextKit

/// `ExportTraceServiceRequest` of OpenTelemetry's protocol, in its JSON encoding.
struct OTLPTrace: Encodable {
    struct Attribute: Encodable {
        struct Value: Encodable { var stringValue: String }
        var key: String
        var value: Value

        init(_ key: String, _ value: String) {
            self.key = key
            // It may be a build's words.
            self.value = Value(stringValue: String(value.unicodeScalars.prefix(1024)))
        }
    }

    struct Link: Encodable { var traceId, spanId: String }

    struct Status: Encodable {
        /// 0: not set; 2: an error.
        var code: Int
        var message: String?
    }

    struct Step: Encodable {
        var traceId, spanId: String
        var parentSpanId: String?
        var name: String
        var kind: Int
        /// 64-bit numbers are strings in the JSON encoding of protobuf.
        var startTimeUnixNano, endTimeUnixNano: String
        var attributes: [Attribute]
        var links: [Link]
        var status: Status

        init(_ span: Span) {
            traceId = span.context.trace
            spanId = span.context.span
            parentSpanId = span.parent
            name = span.name
            kind = span.kind == .server ? 2 : 1
            startTimeUnixNano = "\(max(0, span.startMilliseconds))000000"
            endTimeUnixNano = "\(max(0, span.startMilliseconds, span.endMilliseconds))000000"
            attributes = span.attributes.sorted { $0.key < $1.key }.map { Attribute($0, $1) }
            links = span.links.map { Link(traceId: $0.trace, spanId: $0.span) }
            status = Status(
                code: span.problem == nil ? 0 : 2,
                message: span.problem.map { String($0.unicodeScalars.prefix(1024)) })
        }
    }

    struct Scope: Encodable { var name, version: String }

    struct ScopeSpans: Encodable {
        var scope: Scope
        var spans: [Step]
    }

    struct Resource: Encodable { var attributes: [Attribute] }

    struct ResourceSpans: Encodable {
        var resource: Resource
        var scopeSpans: [ScopeSpans]
    }

    var resourceSpans: [ResourceSpans]

    init(_ spans: [Span], version: String, instance: String) {
        let resource = Resource(attributes: [
            Attribute("service.name", "aibuild-coordinator"),
            Attribute("service.version", version), Attribute("service.instance.id", instance),
        ])
        let scope = Scope(name: "aibuild", version: version)
        resourceSpans = [
            ResourceSpans(
                resource: resource,
                scopeSpans: [ScopeSpans(scope: scope, spans: spans.map { Step($0) })])
        ]
    }

    func encoded() throws -> [UInt8] { try CanonicalJSON.encode(self) }
}
