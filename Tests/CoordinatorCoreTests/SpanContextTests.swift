import CoordinatorCore
import Testing

@Suite struct SpanContextTests {
    private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private let span = "00f067aa0ba902b7"

    @Test("A traceparent is read as W3C's Trace Context says")
    func valid() {
        let expected = SpanContext(trace: trace, span: span)
        #expect(SpanContext(traceparent: "00-\(trace)-\(span)-01") == expected)
        // A later version may have more.
        #expect(SpanContext(traceparent: "01-\(trace)-\(span)-00-more") == expected)
    }

    @Test(
        "Anything else is none",
        arguments: [
            "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01",
        ])
    func invalid(text: String) { #expect(SpanContext(traceparent: text) == nil) }
}
