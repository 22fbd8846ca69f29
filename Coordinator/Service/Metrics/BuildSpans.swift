import BuildProtocol
import CoordinatorCore
import Support

/// The trace of a build: the build, its attempts, their stages. Its IDs follow from those of build
/// and attempt, so that a coordinator that takes over goes on with the same trace.
struct BuildSpans: Sendable {
    /// `nil`: nobody takes them.
    let sink: (any SpanSink)?

    static func context(of build: Build) -> SpanContext {
        let digest = SHA256.hex("build \(build.id)".utf8)
        return SpanContext(
            trace: String(digest.prefix(32)), span: String(digest.suffix(16)))
    }

    private static func context(of attempt: AttemptToken, _ build: Build) -> SpanContext {
        let digest = SHA256.hex("attempt \(attempt.text)".utf8)
        return SpanContext(trace: context(of: build).trace, span: String(digest.prefix(16)))
    }

    /// A part of the request that asked for the build, which leads to the build's own trace.
    func queued(_ build: Build, at now: Int64) {
        guard let sink, let request = SpanContext.current else { return }
        let own = Self.context(of: build)
        var span = Span(
            SpanContext(trace: request.trace, span: own.span), parent: request.span,
            "queue \(Self.name(build))", startMilliseconds: now, endMilliseconds: now)
        span.links = [own]
        span.attributes = Self.attributes(build)
        sink.take(span)
    }

    func stage(_ build: Build, from start: Int64, to end: Int64) {
        guard let sink else { return }
        let whole = Self.context(of: build)
        // While it waits, the attempt before it is over.
        let attempt = build.state == .queued ? nil : build.attempt
        let parent = attempt.map { Self.context(of: $0, build) } ?? whole
        let digest = SHA256.hex("\(build.state.rawValue) \(start) \(parent.span)".utf8)
        var span = Span(
            SpanContext(trace: whole.trace, span: String(digest.prefix(16))),
            parent: parent.span, build.state.rawValue, startMilliseconds: start,
            endMilliseconds: end)
        span.attributes = Self.attributes(build)
        sink.take(span)
    }

    func attempt(_ verdict: AttemptVerdict, _ build: Build, from start: Int64?, to end: Int64) {
        guard let sink, let token = build.attempt, let start else { return }
        let context = Self.context(of: token, build)
        var span = Span(
            context, parent: Self.context(of: build).span,
            "\(build.stage.rawValue) on \(verdict.host)", startMilliseconds: start,
            endMilliseconds: end)
        span.attributes = Self.attributes(build)
        span.attributes["aibuild.attempt"] = token.text
        span.attributes["aibuild.host"] = verdict.host
        span.problem = verdict.fault.map { "\($0.code.rawValue): \($0.reason)" }
        sink.take(span)
    }

    func ended(_ build: Build, at now: Int64) {
        guard let sink else { return }
        var span = Span(
            Self.context(of: build), Self.name(build),
            startMilliseconds: build.submittedMilliseconds,
            endMilliseconds: build.endedMilliseconds ?? now)
        span.attributes = Self.attributes(build)
        span.attributes["aibuild.result"] = build.state.rawValue
        if build.state == .failed {
            span.problem = build.fault.map { "\($0.code.rawValue): \($0.reason)" } ?? "failed"
        }
        sink.take(span)
    }

    private static func name(_ build: Build) -> String { "\(build.guestOS):\(build.number)" }

    private static func attributes(_ build: Build) -> [String: String] {
        ["aibuild.build": build.id, "aibuild.guest_os": build.guestOS]
    }
}
