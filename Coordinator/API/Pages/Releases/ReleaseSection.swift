import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// Which image is in which environment, and which releases are running.
enum ReleaseSection {
    private static let rows = 100

    static func page(_ request: HTTPRequest, _ api: APIContext) async throws -> Markup {
        let environments = try await api.ports.store.environments()
        let releases = try await api.ports.store.releases(ReleaseFilter(), limit: rows)
        let places = environments.map { environment -> [Markup] in
            [
                "\(environment.name)", "\(environment.kind.rawValue)",
                "\(environment.policy.summary)", HTML.time(environment.createdMilliseconds),
            ]
        }
        return "<h1>Releases</h1>" + (try await ReleaseMatrix.body(request, api))
            + HTML.live("releases", "Newest releases", await table(releases, api))
            + "<h2>Environments</h2>"
            + HTML.table(
                ["environment", "kind", "policy", "registered"], places,
                empty: "No environments yet. Register one: <code>aibuild env add --help</code>")
    }

    static func rows(ofBuild id: String, _ api: APIContext) async throws -> Markup {
        let releases = try await api.ports.store.releases(ReleaseFilter(build: id), limit: rows)
        return releases.isEmpty ? .none : "<h2>Releases</h2>" + (await table(releases, api))
    }

    private static func table(_ releases: [Release], _ api: APIContext) async -> Markup {
        var shown: [HTML.Row] = []
        for release in releases {
            shown.append(row(await ReleaseRoutes.view(release, api)))
        }
        return HTML.table(
            ["image", "environment", "state", "requested", "by", "remote ID", "detail"], shown,
            empty:
                "No releases yet. Release an image: <code>aibuild release GUESTOS --to ENV</code>")
    }

    private static func row(_ release: ReleaseView) -> HTML.Row {
        let link = HTML.buildLink(release.build, release.guestOS, release.buildNumber)
        var detail = detail(release)
        if let progress = release.progress, progress.totalBytes > 0 {
            detail = "\(progress.what), \(100 * progress.doneBytes / progress.totalBytes) %"
        }
        return HTML.Row(
            key: release.id,
            cells: [
                release.action == "rollback" ? link + " (rollback)" : link,
                "\(release.environment)", badge(release), HTML.time(release.createdAt),
                "\(release.requestedBy)",
                release.remoteID.map { "<code>\($0)</code>" }.orNone,
                release.isAwaitingApproval ? buttons(release) : "\(detail)",
            ])
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

    private static func badge(_ release: ReleaseView) -> Markup {
        let words =
            switch ReleasePhase(rawValue: release.phase) {
            case .awaitingApproval: "waiting for approval"
            case .retrying: "waiting to retry"
            case .cleaningUp: "\(release.outcome ?? "failed"), cleaning up"
            default: String?.none
            }
        return HTML.badge(release.outcome ?? release.state, words)
    }

    private static func buttons(_ release: ReleaseView) -> Markup {
        let label = "\(release.guestOS):\(release.buildNumber) to \(release.environment)"
        let path = "/api/v1/releases/\(PercentCoding.encode(release.id))"
        return HTML.action(
            "Approve", post: path + "/approve", label: "Approve the release of \(label)") + " "
            + HTML.action(
                "Refuse", post: path + "/refuse", label: "Refuse the release of \(label)",
                reason: ("reason", "Why is it refused?"))
    }
}
