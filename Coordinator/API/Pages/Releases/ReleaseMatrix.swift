import CoordinatorCore
import CoordinatorService
import HTTPTypes
import TextKit

/// Which image of each guest OS is in which environment, as aibuild released it, and what the next
/// environment could get. What else happened to an image there is not known here.
struct ReleaseMatrix {
    private static let rows = 50

    let environments: [ReleaseEnvironment]
    let caller: Caller?
    let now: Int64

    /// The environments stand in the order in which they were added: people begin with their lab.
    static func body(_ request: HTTPRequest, _ api: APIContext) async throws -> Markup {
        let leader = try api.leader()
        let matrix = ReleaseMatrix(
            environments: try await api.ports.store.environments().sorted {
                ($0.createdMilliseconds, $0.name) < ($1.createdMilliseconds, $1.name)
            },
            caller: request.sender as? Caller, now: api.ports.clock.unixMilliseconds())
        let after = request.query["after"]
        let found = try await api.ports.store.guestOSes(after: after, limit: rows + 1)
        guard !matrix.environments.isEmpty, !found.isEmpty else { return .none }
        var shown: [HTML.Row] = []
        for guestOS in found.prefix(rows) {
            shown.append(
                matrix.row(
                    guestOS, await leader.releaseBoard.places(of: guestOS.name),
                    passed: await leader.results.passed(guestOS: guestOS.name)))
        }
        let next: Markup =
            found.count > rows
            ? "<p><a href=\"/releases?after=\(PercentCoding.encode(found[rows - 1].name))\">"
                + "Next \(rows)</a></p>" : .none
        let note: Markup =
            await leader.releaseBoard.isLoaded
            ? .none
            : "<p class=\"empty\">Reading what was released; some cells are not known yet.</p>"
        return HTML.live(
            "matrix", "What is where",
            note
                + HTML.table(
                    ["guest OS", "newest good build"] + matrix.environments.map { "\($0.name)" },
                    shown, empty: "")) + next
    }

    private func row(
        _ guestOS: GuestOS, _ places: [String: ReleaseBoard.Place], passed: [Int]
    ) -> HTML.Row {
        var cells: [Markup] = [
            GuestOSListPage.link(guestOS.name),
            passed.first.map { number -> Markup in
                "<a href=\"/builds/\(PercentCoding.encode("\(guestOS.name):\(number)"))\">"
                    + "\(guestOS.name):\(number)</a>"
            } ?? "<span class=\"empty\">none</span>",
        ]
        // What the environment to the left has is what this one could get.
        var source = passed.first
        for environment in environments {
            let place = places[environment.name]
            cells.append(
                cell(place, guestOS.name, passed)
                    + promotion(of: source, over: place, guestOS, to: environment))
            source = place?.number
        }
        return HTML.Row(key: guestOS.name, cells: cells)
    }

    private func cell(
        _ place: ReleaseBoard.Place?, _ guestOS: String, _ passed: [Int]
    ) -> Markup {
        guard let place else { return "<span class=\"empty\">never released</span>" }
        let newer = passed.count { $0 > place.number }
        let words = newer == 0 ? "current" : "behind \(newer)\(newer == passed.count ? "+" : "")"
        let age = HTML.seconds(Double(max(0, now - place.releasedMilliseconds)) / 1000)
        return HTML.buildLink(place.build, guestOS, place.number) + " "
            + HTML.badge(newer == 0 ? "current" : "behind", words)
            + "<br>\(place.isRollback ? "rolled back" : "released") \(age) ago by \(place.by) "
    }

    private func promotion(
        of source: Int?, over place: ReleaseBoard.Place?, _ guestOS: GuestOS,
        to environment: ReleaseEnvironment
    ) -> Markup {
        guard let source, source > place?.number ?? 0, let caller,
            caller.obstacle(
                .release, guestOS: guestOS.name, owner: guestOS.owner, grants: guestOS.grants)
                == nil
        else { return .none }
        let image = "\(guestOS.name):\(source)"
        let present = place.map { "\(guestOS.name):\($0.number)" } ?? "nothing"
        let rule =
            environment.policy.needsApproval ? " Somebody else has to approve it." : ""
        return HTML.action(
            "Release \(source)", post: "/api/v1/releases",
            body: Submission(build: image, environments: [environment.name]),
            label: "Release \(image) to \(environment.name)",
            question: "\(environment.name) has \(present). Release \(image) there?\(rule)")
    }

    private struct Submission: Encodable {
        var build: String
        var environments: [String]
    }
}
