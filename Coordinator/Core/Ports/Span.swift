/// Something that took time, as OpenTelemetry describes it: a step of a trace.
public struct Span: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case inside, server }

    public var context: SpanContext
    /// The step that it is a part of, in the same trace.
    public var parent: String?
    /// Steps of other traces that it belongs to.
    public var links: [SpanContext] = []
    public var name: String
    public var kind = Kind.inside
    public var startMilliseconds: Int64
    public var endMilliseconds: Int64
    public var attributes: [String: String] = [:]
    /// Why it failed; `nil` if it did not.
    public var problem: String?

    public init(
        _ context: SpanContext, parent: String? = nil, _ name: String, startMilliseconds: Int64,
        endMilliseconds: Int64
    ) {
        self.context = context
        self.parent = parent
        self.name = name
        self.startMilliseconds = startMilliseconds
        self.endMilliseconds = endMilliseconds
    }
}

/// Which step of which trace, in hexadecimal digits: 32 and 16.
public struct SpanContext: Sendable, Hashable {
    public var trace: String
    public var span: String

    public init(trace: String, span: String) {
        self.trace = trace
        self.span = span
    }

    /// Reads the header `traceparent` of W3C's Trace Context. Returns `nil` for anything else.
    public init?(traceparent: String) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[0] != "ff",
            parts[0] != "00" || parts.count == 4,
            zip(parts, [2, 32, 16, 2]).allSatisfy({ Self.isHex($0, $1) }),
            parts[1].utf8.contains(where: { $0 != UInt8(ascii: "0") }),
            parts[2].utf8.contains(where: { $0 != UInt8(ascii: "0") })
        else { return nil }
        trace = String(parts[1])
        span = String(parts[2])
    }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// Of the request that this task answers.
    @TaskLocal public static var current: SpanContext?
}

/// Takes the steps of traces. It never waits: what it cannot take is dropped.
public protocol SpanSink: Sendable {
    func take(_ span: Span)
}
