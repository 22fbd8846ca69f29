import CoordinatorCore
import CoordinatorService

/// Which image is in which environment, and which releases are running.
enum ReleaseSection {
    private static let rows = 100

    static func page(_ api: APIContext) async throws -> String {
        let environments = try await api.ports.store.environments()
        let releases = try await api.ports.store.releases(ReleaseFilter(), limit: rows)
        let places = environments.map { environment -> [String] in
            [
                HTML.escape(environment.name), environment.kind.rawValue,
                HTML.escape(environment.policy.summary),
                HTML.time(Time.text(environment.createdMilliseconds)),
            ]
        }
        return "<h1>Releases</h1>" + (await table(releases, api))
            + "<h1>Environments</h1>"
            + HTML.table(
                ["environment", "kind", "policy", "registered"], places,
                empty: "No environments yet. Register one: <code>aibuild env add --help</code>")
    }

    static func rows(ofBuild id: String, _ api: APIContext) async throws -> String {
        let releases = try await api.ports.store.releases(ReleaseFilter(build: id), limit: rows)
        return releases.isEmpty ? "" : "<h2>Releases</h2>" + (await table(releases, api))
    }

    private static func table(_ releases: [Release], _ api: APIContext) async -> String {
        var shown: [[String]] = []
        for release in releases {
            shown.append(row(await ReleaseRoutes.view(release, api)))
        }
        return HTML.table(
            ["image", "environment", "state", "requested", "by", "remote ID", "detail"], shown,
            empty:
                "No releases yet. Release an image: <code>aibuild release GUESTOS --to ENV</code>")
    }

    private static func row(_ release: ReleaseView) -> [String] {
        let link = HTML.buildLink(release.build, release.guestOS, release.buildNumber)
        let action = release.action == "rollback" ? " (rollback)" : ""
        var detail = detail(release)
        if let progress = release.progress, progress.totalBytes > 0 {
            detail = "\(progress.what), \(100 * progress.doneBytes / progress.totalBytes) %"
        }
        return [
            link + action,
            HTML.escape(release.environment),
            badge(release), HTML.time(release.createdAt), HTML.escape(release.requestedBy),
            "<code>\(HTML.escape(release.remoteID ?? ""))</code>",
            release.isAwaitingApproval ? buttons(release) : HTML.escape(detail),
        ]
    }

    /// Which try it is and why, or how it ended.
    private static func detail(_ release: ReleaseView) -> String {
        var parts: [String] = []
        if let number = release.tryNumber, let limit = release.tryLimit,
            release.notBefore != nil || number > 1
        {
            let next = release.notBefore.map { " at \($0.dropFirst(11).prefix(5)) UTC" } ?? ""
            parts.append("try \(number) of \(limit)\(next)")
        }
        if let fault = release.fault { parts.append(fault) }
        if release.fault == nil { parts += release.notes }
        if let left = release.leftBehind {
            let what = release.outcome == nil ? "left there" : "to be taken back"
            parts.append("\(what): \(left.joined(separator: ", "))")
        }
        if let actor = release.abandonedBy { parts.append("abandoned by \(actor)") }
        return parts.joined(separator: "; ")
    }

    private static func badge(_ release: ReleaseView) -> String {
        let words =
            switch ReleasePhase(rawValue: release.phase) {
            case .awaitingApproval: "waiting for approval"
            case .retrying: "waiting to retry"
            case .cleaningUp: "\(release.outcome ?? "failed"), cleaning up"
            default: String?.none
            }
        return HTML.badge(release.outcome ?? release.state, words)
    }

    /// What `releases.js` sends.
    private static func buttons(_ release: ReleaseView) -> String {
        ["approve": "Approve", "refuse": "Refuse"].sorted { $0.key < $1.key }.map { verb, title in
            "<button type=button data-verb=\(verb) data-release=\"\(HTML.escape(release.id))\" "
                + "aria-label=\"\(title) the release of \(HTML.escape(label(release)))\">"
                + "\(title)</button>"
        }.joined(separator: " ")
    }

    private static func label(_ release: ReleaseView) -> String {
        "\(release.guestOS):\(release.buildNumber) to \(release.environment)"
    }
}
