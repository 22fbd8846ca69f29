import CoordinatorCore
import Support

/// A reported change, and one of the guest OSes that it concerns.
struct ReportedChange: Sendable {
    var report: GitReport
    var delivery: Delivery
    var source: HookSource
    var guestOS: GuestOS

    /// The branch that the guest OS is built from; `nil` if nobody says which is the default.
    var ownBranch: String? {
        guard case .git(_, let ref) = guestOS.template else { return nil }
        return ref == TemplateSource.defaultRef ? report.defaultBranch : ref
    }

    func guestOS(at ref: String) -> GuestOS {
        var other = guestOS
        if case .git(let url, _) = guestOS.template { other.template = .git(url: url, ref: ref) }
        return other
    }

    var origin: BuildOrigin {
        let kind: BuildOrigin.Kind =
            switch report.change {
            case .push: .push
            case .tag: .tag
            case .mergeRequest, .mergeRequestClosed: .mergeRequest
            }
        return BuildOrigin(
            kind: kind, hook: source.name, project: report.project, ref: report.ref,
            number: report.mergeRequest?.number,
            isForeign: report.mergeRequest.map(\.isForeign),
            delivery: delivery.id == 0 ? nil : delivery.id)
    }

    /// Whether a build of this origin is of what the change is about: a commit of the same branch.
    func counts(_ origin: BuildOrigin?) -> Bool {
        let isOwn = ownBranch.map { $0 == report.ref } ?? true
        switch origin?.kind {
        case nil, .schedule, .parent, .baseImage, .packages, .age: return isOwn
        case .push: return origin?.ref == report.ref
        case .tag, .mergeRequest, .request, .profile: return false
        }
    }

    /// The id of the build of the commit. Every coordinator gives it the same one, so that the
    /// store accepts it only once.
    /// - Parameter round: how many builds of it were cancelled before.
    func buildID(_ commit: String, round: Int) -> String {
        let place =
            switch report.change {
            case .push: ownBranch.map { $0 == report.ref } ?? true ? "push" : "branch \(report.ref)"
            case .tag: "tag \(report.ref)"
            case .mergeRequest, .mergeRequestClosed:
                "merge request \(report.mergeRequest?.number ?? 0)"
            }
        let again = round == 0 ? "" : " \(round)"
        return "push-" + SHA256.hex("\(place) \(guestOS.id) \(commit)\(again)".utf8).prefix(31)
    }
}
