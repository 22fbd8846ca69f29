import BuildProtocol
import TextKit

/// What Bitbucket Cloud (`repo:push`, `pullrequest:*`) and Bitbucket Data Center
/// (`repo:refs_changed`, `pr:*`) send, as far as it matters here. One push may change several refs.
struct BitbucketReport: Decodable {
    struct Project: Decodable { var key: String? }

    struct Repository: Decodable {
        /// Cloud.
        var full_name: String?
        /// Data Center.
        var slug: String?
        var project: Project?

        var path: String? {
            if let full_name { return full_name }
            guard let key = project?.key, let slug else { return nil }
            return "\(key)/\(slug)"
        }
    }

    struct Target: Decodable {
        var hash, message: String?
    }

    struct CloudRef: Decodable {
        var type, name: String?
        var target: Target?
    }

    struct CloudChange: Decodable {
        var new, old: CloudRef?
    }

    struct CloudPush: Decodable { var changes: [CloudChange]? }

    struct ServerRef: Decodable { var id: String? }

    struct ServerChange: Decodable {
        var ref: ServerRef?
        var toHash, type: String?
    }

    struct Branch: Decodable { var name: String? }

    struct CloudSide: Decodable {
        var branch: Branch?
        var commit: Target?
        var repository: Repository?
    }

    struct CloudRequest: Decodable {
        var id: Int?
        var title: String?
        var source, destination: CloudSide?
    }

    struct ServerSide: Decodable {
        var id, displayId, latestCommit: String?
        var repository: Repository?
    }

    struct ServerRequest: Decodable {
        var id: Int?
        var title: String?
        var fromRef, toRef: ServerSide?
    }

    var repository: Repository?
    var push: CloudPush?
    var changes: [ServerChange]?
    var pullrequest: CloudRequest?
    var pullRequest: ServerRequest?

    /// Bitbucket lists five refs of a push to the cloud, and all of one to a server.
    private static let refs = 20

    static func read(
        _ report: BitbucketReport, _ event: String
    ) throws(UnusedReport) -> [GitReport] {
        switch event {
        case "repo:push": return try report.cloudPush()
        case "repo:refs_changed": return try report.serverPush()
        case "pullrequest:created", "pullrequest:updated":
            return [try report.cloudRequest(.mergeRequest)]
        case "pullrequest:fulfilled", "pullrequest:rejected":
            return [try report.cloudRequest(.mergeRequestClosed)]
        case "pr:opened", "pr:from_ref_updated":
            return [try report.serverRequest(.mergeRequest)]
        case "pr:merged", "pr:declined", "pr:deleted":
            return [try report.serverRequest(.mergeRequestClosed)]
        case "diagnostics:ping": throw UnusedReport("ping: the hook works")
        default:
            let name = event.isEmpty ? "Unknown" : event.prefixOfUTF8(80)
            throw UnusedReport("\(name) events start no build")
        }
    }

    private func cloudPush() throws(UnusedReport) -> [GitReport] {
        let path = try ReportedName.project(repository?.path)
        var reports: [GitReport] = []
        for change in (push?.changes ?? []).prefix(Self.refs) {
            guard let new = change.new, let type = new.type, ["branch", "tag"].contains(type) else {
                continue
            }
            reports.append(
                GitReport(
                    type == "tag" ? .tag : .push, project: path,
                    ref: try ReportedName.ref(new.name),
                    commit: try ReportedName.commit(new.target?.hash),
                    skip: SkipMark.find(in: new.target?.message)))
        }
        return try Self.used(reports, deleted: push?.changes?.first?.old?.name)
    }

    private func serverPush() throws(UnusedReport) -> [GitReport] {
        let path = try ReportedName.project(repository?.path)
        var reports: [GitReport] = []
        var deleted: String?
        for change in (changes ?? []).prefix(Self.refs) {
            let (kind, name) = try PushedRef.read(change.ref?.id)
            if change.type == "DELETE" {
                deleted = name
                continue
            }
            reports.append(
                GitReport(
                    kind, project: path, ref: name,
                    commit: try PushedRef.commit(change.toHash, name)))
        }
        return try Self.used(reports, deleted: deleted)
    }

    private static func used(
        _ reports: [GitReport], deleted: String?
    ) throws(UnusedReport) -> [GitReport] {
        guard reports.isEmpty else { return reports }
        throw UnusedReport(
            deleted.map { "\($0.prefixOfUTF8(200)) was deleted" }
                ?? "the report does not say what was pushed, and where")
    }

    private func cloudRequest(_ change: GitReport.Change) throws(UnusedReport) -> GitReport {
        guard let request = pullrequest, let number = request.id, CountBound.range.contains(number)
        else { throw UnusedReport("the report does not say which pull request it is about") }
        let source = request.source
        let path = try ReportedName.project(
            request.destination?.repository?.path ?? repository?.path)
        // Bitbucket Cloud has no refs of pull requests: the branch itself is fetched.
        guard source?.repository?.path == path else {
            throw UnusedReport(
                "pull request \(number) comes from a fork, whose commits Bitbucket Cloud does not "
                    + "offer in this repository")
        }
        return GitReport(
            change, project: path, ref: try ReportedName.ref(request.destination?.branch?.name),
            commit: try ReportedName.commit(source?.commit?.hash),
            skip: SkipMark.find(in: request.title),
            mergeRequest: GitReport.MergeRequest(
                number: number, title: ReportedName.title(request.title), isForeign: false,
                fetchedRef: "refs/heads/" + (try ReportedName.ref(source?.branch?.name))))
    }

    private func serverRequest(_ change: GitReport.Change) throws(UnusedReport) -> GitReport {
        guard let request = pullRequest, let number = request.id, CountBound.range.contains(number)
        else { throw UnusedReport("the report does not say which pull request it is about") }
        let path = try ReportedName.project(request.toRef?.repository?.path)
        return GitReport(
            change, project: path, ref: try ReportedName.ref(request.toRef?.displayId),
            commit: try ReportedName.commit(request.fromRef?.latestCommit),
            skip: SkipMark.find(in: request.title),
            mergeRequest: GitReport.MergeRequest(
                number: number, title: ReportedName.title(request.title),
                isForeign: request.fromRef?.repository?.path != path,
                fetchedRef: "refs/pull-requests/\(number)/from"))
    }
}
