import CoordinatorCore
import CoordinatorService
import TextKit

/// How the retention policy applies to one build, and what it would remove in all.
enum RetentionSection {
    /// `nil` until the build has ended.
    static func fact(_ build: BuildView) -> Markup? {
        let name = "\(build.guestOS):\(build.number)"
        if let pruned = build.prunedAt {
            return "image and logs were removed by the retention policy on \(HTML.time(pruned))"
        }
        if build.pinned {
            return "pinned; to unpin it: <code>aibuild unpin \(name)</code>"
        }
        guard build.endedAt != nil else { return nil }
        return
            "by the <a href=\"/retention\">policy</a>; to pin it: <code>aibuild pin \(name)</code>"
    }

    private static func announcement(_ view: RetentionView) -> Markup {
        guard let begins = view.beginsAt else { return "The next run removes" }
        return "The policy is new or stricter. From \(HTML.time(begins)) on, or once somebody "
            + "runs <code>aibuild retention enable</code>, it removes"
    }

    static func page(_ api: APIContext) async throws -> Markup {
        let report: RetentionReport
        do { report = try await RetentionPlan(ports: api.ports).report() } catch let refusal
            as Refusal
        {
            return "<h1>Retention</h1><p class=\"empty\">\(refusal.description)</p>"
        }
        let view = RetentionView(report)
        let rows = view.items.map { item -> [Markup] in
            [
                HTML.buildLink(item.build, item.guestOS, item.number), HTML.badge(item.state),
                "\(ByteSize.text(item.freesBytes))", "\(item.reason)",
            ]
        }
        let room: Markup =
            view.freeBytes.map { "<p>The web root has \(ByteSize.text($0)) free.</p>" }.orNone
        return "<h1>Retention</h1>" + room
            + "<p>\(announcement(view)) image and logs of these builds:</p>"
            + HTML.table(
                ["build", "state", "frees", "reason"], rows, empty: "None.")
    }
}
