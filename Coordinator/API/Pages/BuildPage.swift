import BuildProtocol
import CoordinatorCore
import CoordinatorService
import TextKit

/// The page of one build: its result, attempts, image and live log.
enum BuildPage {
    static func body(_ detail: BuildDetailView) -> String {
        let build = detail.build
        let name = "\(build.guestOS):\(build.number)"
        return "<h1>\(HTML.escape(name)) <span id=state>\(HTML.badge(build.state))</span></h1>"
            + "<p id=phase>\(HTML.escape(build.phase ?? ""))</p>"
            + "<progress id=progress max=100 value=0 hidden></progress>"
            + "<pre id=fault class=fault\(build.fault == nil ? " hidden" : "")>"
            + HTML.escape(TerminalLine.plain(build.fault?.reason ?? "")) + "</pre>"
            + GuestSection.body(detail) + facts(detail) + TestSection.body(detail)
            + attempts(detail)
            + "<h2>Log</h2><p><label>Search <input id=search type=search></label> "
            + "<label><input id=follow type=checkbox checked> follow</label> "
            + "<a href=\"/api/v1/builds/\(build.id)/log\">raw</a></p>"
            + "<div id=log data-build=\"\(build.id)\" tabindex=0 role=log></div>"
    }

    private static func facts(_ detail: BuildDetailView) -> String {
        let build = detail.build
        var rows: [[String]] = [
            ["id", HTML.escape(build.id)], ["reason", HTML.escape(build.reason)],
            ["submitted", HTML.time(build.submittedAt)],
            ["template", HTML.escape(detail.plan.commit ?? detail.plan.template.sha256)],
        ]
        if let image = build.image {
            rows.append([
                "image",
                "<a href=\"/\(HTML.escape(image.path))\">\(HTML.escape(image.name))</a>, "
                    + "\(image.sizeBytes) bytes, \(image.format.rawValue)",
            ])
            rows.append(["SHA-256", "<code>\(HTML.escape(image.sha256))</code>"])
        }
        if let kept = RetentionSection.fact(build) { rows.append(["retention", kept]) }
        if let waiting = detail.waiting {
            let hosts = waiting.hosts.map { "<li>\(HTML.escape("\($0.host): \($0.reason)"))" }
            rows.append([
                "waiting",
                HTML.escape("\(waiting.summary); \(waiting.remedy)") + "<ul>\(hosts.joined())</ul>",
            ])
        }
        return "<table class=facts>"
            + rows.map { "<tr><th>\($0[0])</th><td>\($0[1])</td></tr>" }.joined() + "</table>"
    }

    private static func attempts(_ detail: BuildDetailView) -> String {
        guard detail.attempts.count > 1 else { return "" }
        let rows = detail.attempts.map { attempt -> [String] in
            let outcome =
                attempt.outcome.map { $0.fault.map(\.reason) ?? "passed" } ?? "running"
            let log = "/api/v1/builds/\(detail.build.id)/log?attempt=\(attempt.attempt)"
            return [
                "\(attempt.ordinal)", attempt.stage, HTML.escape(attempt.host),
                HTML.time(attempt.startedAt),
                HTML.escape(outcome), "<a href=\"\(log)\">log</a>",
            ]
        }
        return "<h2>Attempts</h2>"
            + HTML.table(["#", "stage", "host", "started", "outcome", ""], rows, empty: "")
    }
}

/// The files that a template renders for a build and its releases.
enum OutputSection {
    static func rows(of build: Build, _ api: APIContext) async throws -> String {
        let outputs: [RenderedOutput]
        do { outputs = try await BuildOutputs(ports: api.ports).outputs(of: build) } catch let fault
            as TemplateFault
        {
            // A missing template must not hide the build.
            return "<h2>Outputs</h2><p class=empty>\(HTML.escape(fault.description))</p>"
        }
        if outputs.isEmpty { return "" }
        let rows = outputs.map { output in
            let place = HTML.escape(OutputRoutes.url(of: output, build))
            return [
                "<a href=\"\(place)\">\(HTML.escape(output.path))</a>",
                HTML.escape(output.environment ?? ""), "\(output.text.utf8.count) bytes",
            ]
        }
        return "<h2>Outputs</h2>" + HTML.table(["file", "environment", "size"], rows, empty: "")
    }
}

/// The results of a build's test cases.
enum TestSection {
    static func body(_ detail: BuildDetailView) -> String {
        let rows = detail.tests.map { test -> [String] in
            let log = test.log.map { "<a href=\"\(HTML.escape($0))\">log</a>" } ?? ""
            return [
                HTML.escape(test.name),
                HTML.badge(test.result),
                "\((test.seconds * 10).rounded() / 10) s", HTML.escape(test.detail), log,
            ]
        }
        if !rows.isEmpty {
            return "<h2>Tests</h2>"
                + HTML.table(["case", "result", "took", "detail", ""], rows, empty: "")
        }
        guard let tests = detail.plan.tests else {
            return "<h2>Tests</h2><p class=empty>This build has no test cases.</p>"
        }
        let names = tests.plan.cases.map { "<li>\(HTML.escape($0.name))" }.joined()
        return "<h2>Tests</h2><p>Not tested yet. Planned test cases:</p><ul>\(names)</ul>"
    }
}
