import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// The page of one build: its result, attempts and image; `LogSection` has its log.
enum BuildPage {
    static func body(_ detail: BuildDetailView) -> Markup {
        let build = detail.build
        return """
            <h1>\(build.guestOS):\(build.number)
            <span id="state" data-looks="\(looks)">\(HTML.badge(build.state))</span></h1>
            <p id="phase" role="status">\(build.phase ?? "")</p>
            <progress id="progress" max="100" value="0" aria-label="progress" hidden></progress>
            <pre id="fault" class="fault"\(build.fault == nil ? " hidden" : .none)>\(
                TerminalLine.plain(build.fault?.reason ?? ""))</pre>
            \(seen(detail))\(GuestSection.body(detail))\(facts(detail))
            \(TestSection.body(detail))\(attempts(detail))
            """
    }

    private static func seen(_ detail: BuildDetailView) -> Markup {
        guard let found = detail.fingerprint else { return .none }
        let words = found.words.prefix(1).uppercased() + found.words.dropFirst()
        return "<p class=\"seen\">\(words).</p>"
    }

    /// For `build.js`, which shows states that are still to come.
    private static let looks =
        (try? CanonicalJSON.text(
            Dictionary(
                uniqueKeysWithValues: BuildState.allCases.map { state in
                    let look = StateLook.of(state.rawValue)
                    return (state.rawValue, [look.rawValue, look.shape])
                }))) ?? "{}"

    private static func facts(_ detail: BuildDetailView) -> Markup {
        let build = detail.build
        var rows: [(Markup, Markup)] = [
            ("id", "<code>\(build.id)</code>"), ("reason", "\(build.reason)"),
            ("submitted", HTML.time(build.submittedAt)),
            ("template", "<code>\(detail.plan.commit ?? detail.plan.template.sha256)</code>"),
        ]
        if let image = build.image {
            rows.append(
                (
                    "image",
                    "<a href=\"/\(image.path)\">\(image.name)</a>, \(image.sizeBytes) bytes, "
                        + "\(image.format.rawValue)"
                ))
            rows.append(("SHA-256", "<code>\(image.sha256)</code>"))
        }
        if let kept = RetentionSection.fact(build) { rows.append(("retention", kept)) }
        if let waiting = detail.waiting {
            let hosts = waiting.hosts.map { host -> Markup in
                "<li>\(host.host): \(host.reason)</li>"
            }
            rows.append(
                (
                    "waiting",
                    "\(waiting.summary); \(waiting.remedy)<ul>\(hosts.joined())</ul>"
                ))
            rows.append(("start", "\(RangeText.start(waiting))"))
        }
        if let end = detail.end { rows.append(("expected end", "\(RangeText.text(end))")) }
        return HTML.facts(rows)
    }

    private static func attempts(_ detail: BuildDetailView) -> Markup {
        guard detail.attempts.count > 1 else { return .none }
        let rows = detail.attempts.map { attempt -> [Markup] in
            let outcome =
                attempt.outcome.map { $0.fault.map(\.reason) ?? "passed" } ?? "running"
            let log = "/api/v1/builds/\(detail.build.id)/log?attempt=\(attempt.attempt)"
            return [
                "\(attempt.ordinal)", "\(attempt.stage)", "\(attempt.host)",
                HTML.time(attempt.startedAt), "\(outcome)", "<a href=\"\(log)\">log</a>",
            ]
        }
        return "<h2>Attempts</h2>"
            + HTML.table(["#", "stage", "host", "started", "outcome", ""], rows, empty: "")
    }
}

/// The files that a template renders for a build and its releases.
enum OutputSection {
    static func rows(of build: Build, _ api: APIContext) async throws -> Markup {
        let outputs: [RenderedOutput]
        do { outputs = try await BuildOutputs(ports: api.ports).outputs(of: build) } catch let fault
            as TemplateFault
        {
            // A missing template must not hide the build.
            return "<h2>Outputs</h2><p class=\"empty\">\(fault.description)</p>"
        }
        if outputs.isEmpty { return .none }
        let rows = outputs.map { output -> [Markup] in
            [
                "<a href=\"\(OutputRoutes.url(of: output, build))\">\(output.path)</a>",
                "\(output.environment ?? "")", "\(output.text.utf8.count) bytes",
            ]
        }
        return "<h2>Outputs</h2>" + HTML.table(["file", "environment", "size"], rows, empty: "")
    }
}

/// The results of a build's test cases.
enum TestSection {
    static func body(_ detail: BuildDetailView) -> Markup {
        let rows = detail.tests.map { test -> [Markup] in
            [
                "\(test.name)", HTML.badge(test.result), "\(HTML.seconds(test.seconds))",
                "\(test.detail)", test.log.map { "<a href=\"\($0)\">log</a>" }.orNone,
            ]
        }
        if !rows.isEmpty {
            return "<h2>Tests</h2>"
                + HTML.table(["case", "result", "took", "detail", ""], rows, empty: "")
        }
        guard let tests = detail.plan.tests else {
            return "<h2>Tests</h2><p class=\"empty\">This build has no test cases.</p>"
        }
        let names = tests.plan.cases.map { test -> Markup in "<li>\(test.name)</li>" }
        return "<h2>Tests</h2><p>Not tested yet. Planned test cases:</p><ul>\(names.joined())</ul>"
    }
}
