import CoordinatorCore
import CoordinatorService
import TextKit

/// What the retention policy says of one build, and what it would remove of all.
enum RetentionSection {
    /// `nil` while nothing is there to be kept.
    static func fact(_ build: BuildView) -> String? {
        let name = HTML.escape("\(build.guestOS):\(build.number)")
        if let pruned = build.prunedAt {
            return "no more: the retention policy removed image and logs on "
                + BuildPage.time(pruned)
        }
        if build.pinned {
            return "always: it is pinned; <code>aibuild unpin \(name)</code> ends that"
        }
        guard build.endedAt != nil else { return nil }
        return "<a href=/retention>as long as the policy says</a>; "
            + "<code>aibuild pin \(name)</code> keeps it always"
    }

    static func page(_ api: APIContext) async throws -> String {
        let report: RetentionReport
        do { report = try await RetentionPlan(ports: api.ports).report() } catch let refusal
            as Refusal
        {
            return "<h1>Retention</h1><p class=empty>\(HTML.escape(refusal.description))</p>"
        }
        let view = RetentionView(report)
        let rows = view.items.map { item -> [String] in
            let name = HTML.escape("\(item.guestOS):\(item.number)")
            return [
                "<a href=\"/builds/\(HTML.escape(item.build))\">\(name)</a>",
                "<b class=\"badge \(item.state)\">\(item.state)</b>",
                ByteSize.text(item.freesBytes), HTML.escape(item.reason),
            ]
        }
        let room = view.freeBytes.map { "<p>The web root has \(ByteSize.text($0)) free.</p>" } ?? ""
        return "<h1>Retention</h1>" + room
            + "<p>With the next look, these builds lose their image and their logs:</p>"
            + HTML.table(
                ["build", "state", "frees", "why"], rows, empty: "None: all that is there is kept.")
    }
}
