import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// The log on the page of a build: its end as the server renders it, and what the scripts need to
/// show any other part of it.
enum LogSection {
    /// Lines that are there without a script.
    static let tailLines = 200
    static let scripts: [StaticFile] = [.logRow, .logWindow, .logViewer]

    static func body(of build: Build, _ api: APIContext) async throws -> Markup {
        let log: BuildLog
        do { log = try await BuildLog(of: build, api) } catch let problem as Problem {
            return "<h2>Log</h2><p class=\"empty\" data-build=\"\(build.id)\">\(problem.detail)</p>"
        }
        let from = max(1, log.total - tailLines + 1)
        let tail = log.total == 0 ? [] : try await log.lines(from: from, count: tailLines).lines
        let name = "\(build.guestOS):\(build.number)"
        let error = build.fault.flatMap { FailureReason.line(in: $0.reason) }.map {
            min($0, log.total)
        }
        let raw: Markup = "/api/v1/builds/\(build.id)/log"
        let isLive: Markup = build.state.isEnded ? "false" : "true"
        return """
            <h2 id="log-title">Log</h2>\(controls(raw, name, error))
            <noscript><p>\(words(shown: tail.count, of: log.total))
            <a href="\(raw)">Raw log</a> <a href="">Reload</a></p></noscript>
            <div class="log-frame"><div id="log" role="log" aria-live="off" tabindex="0"
            aria-label="Log of \(name)" data-build="\(build.id)" data-total="\(log.total)"
            data-live="\(isLive)" data-error="\(error.map(String.init) ?? "")">\(
                tail.map(row).joined())</div>
            <p id="log-paused" hidden><span id="log-new"></span>
            <button id="log-resume" type="button">Resume</button></p></div>
            """
    }

    private static func words(shown: Int, of total: Int) -> String {
        if total == 0 { return "There is no output yet." }
        return shown == total ? "" : "The last \(shown) of \(total) lines."
    }

    private static func row(_ line: LogLineView) -> Markup {
        let kind: Markup = line.kind.map { " kind \($0)" }.orNone
        return "<div class=\"line \(line.stream)\(kind)\" id=\"L\(line.number)\">"
            + "<a class=\"n\" href=\"#L\(line.number)\">\(line.number)</a>"
            + "<span class=\"t\"></span><span class=\"x\">\(line.text)</span></div>"
    }

    private static func controls(_ raw: Markup, _ name: String, _ error: Int?) -> Markup {
        let file = "\(name.replacing(":", with: "-")).log.ndjson"
        let hidden: Markup = error == nil ? " hidden" : .none
        return """
            <div id="log-controls" role="group" aria-labelledby="log-title">
            <label>Search <input id="log-search" type="search" maxlength="200"></label>
            <span><button id="log-previous" type="button">Previous</button>
            <button id="log-next" type="button">Next</button></span>
            <span id="log-count" aria-live="polite"></span>
            <button id="log-error" type="button"\(hidden)>First error: line \(error ?? 0)</button>
            <label><input id="log-errors" type="checkbox"> Errors only</label>
            <span id="log-note" aria-live="polite"></span>
            <label>Step <select id="log-step"><option value="">Go to step</option></select></label>
            <button id="log-fold" type="button" aria-pressed="false">Collapse steps</button>
            <form id="log-place"><label>Line <input id="log-line" inputmode="numeric"
            placeholder="120 or 120-140"></label> <button>Go</button></form>
            <label>Time <select id="log-time"><option value="off">off</option>
            <option value="relative">relative</option>
            <option value="absolute">absolute, UTC</option></select></label>
            <label><input id="log-wrap" type="checkbox" checked> Wrap</label>
            <label><input id="log-follow" type="checkbox"> Follow</label>
            <a href="\(raw)" download="\(file)">Raw</a></div>
            """
    }
}
