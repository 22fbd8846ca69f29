import BuildProtocol
import CoordinatorCore

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
