import BuildProtocol
import TextKit

/// What GitLab sends with `X-Gitlab-Event: Push Hook`, `Tag Push Hook`, `Merge Request Hook` or
/// `System Hook`, as far as it matters here.
struct GitLabReport: Decodable {
    struct Project: Decodable {
        var path_with_namespace, default_branch: String?
    }

    struct Commit: Decodable {
        var id, message, title: String?
    }

    struct Attributes: Decodable {
        var iid: Int?
        var title, action, target_branch, oldrev: String?
        var source_project_id, target_project_id: Int64?
        var last_commit: Commit?
    }

    var object_kind, event_name, ref, after: String?
    var project: Project?
    var commits: [Commit]?
    var push_options: JSON?
    var object_attributes: Attributes?

    static func read(
        _ report: GitLabReport, _ event: String
    ) throws(UnusedReport) -> GitReport {
        let kind = report.object_kind ?? report.event_name ?? event
        switch kind {
        case "push", "tag_push": return try report.push()
        case "merge_request": return try report.mergeRequest()
        default:
            let name = kind.isEmpty ? "Unknown" : kind.prefixOfUTF8(80)
            throw UnusedReport("\(name) events start no build")
        }
    }

    private func push() throws(UnusedReport) -> GitReport {
        let path = try ReportedName.project(project?.path_with_namespace)
        let (change, name) = try PushedRef.read(ref)
        let commit = try PushedRef.commit(after, name)
        return GitReport(
            change, project: path, ref: name, commit: commit,
            defaultBranch: project?.default_branch.flatMap { $0.isEmpty ? nil : $0 },
            skip: skip(commit))
    }

    /// An option of the push, or a mark in the message of the newest commit.
    private func skip(_ commit: String) -> String? {
        for (group, option) in [("ci", "skip"), ("integrations", "skip_ci")] {
            switch push_options?[group]?[option] {
            case nil, .null, .bool(false), .string("false"), .int(0): continue
            default: return "\(group).\(option)"
            }
        }
        let newest = commits?.last { $0.id == commit } ?? commits?.last
        return SkipMark.find(in: newest?.message ?? newest?.title)
    }

    private func mergeRequest() throws(UnusedReport) -> GitReport {
        let path = try ReportedName.project(project?.path_with_namespace)
        guard let attributes = object_attributes, let number = attributes.iid,
            CountBound.range.contains(number)
        else { throw UnusedReport("the report does not say which merge request it is about") }
        let change: GitReport.Change
        switch attributes.action {
        case "open", "reopen": change = .mergeRequest
        case "update":
            guard attributes.oldrev != nil else {
                throw UnusedReport("merge request \(number) has no new commits")
            }
            change = .mergeRequest
        case "close", "merge": change = .mergeRequestClosed
        case let action:
            throw UnusedReport(
                "\((action ?? "other").prefixOfUTF8(80)) of a merge request starts no build")
        }
        return GitReport(
            change, project: path, ref: try ReportedName.ref(attributes.target_branch),
            commit: try ReportedName.commit(attributes.last_commit?.id),
            defaultBranch: project?.default_branch.flatMap { $0.isEmpty ? nil : $0 },
            skip: SkipMark.find(in: attributes.last_commit?.message),
            mergeRequest: GitReport.MergeRequest(
                number: number, title: ReportedName.title(attributes.title),
                // Without both, nobody knows whose it is.
                isForeign: attributes.source_project_id == nil
                    || attributes.source_project_id != attributes.target_project_id,
                fetchedRef: "refs/merge-requests/\(number)/head"))
    }
}

/// What a push changed, as GitLab, GitHub and Gitea name it.
enum PushedRef {
    /// - Throws: `UnusedReport` if it is neither a branch nor a tag.
    static func read(
        _ ref: String?
    ) throws(UnusedReport) -> (change: GitReport.Change, name: String) {
        guard let ref else {
            throw UnusedReport("the report does not say what was pushed, and where")
        }
        for (prefix, change) in [("refs/heads/", GitReport.Change.push), ("refs/tags/", .tag)]
        where ref.utf8.starts(with: prefix.utf8) {
            let name = String(Substring(ref.utf8.dropFirst(prefix.utf8.count)))
            return (change, try ReportedName.ref(name))
        }
        throw UnusedReport("\(ref.prefixOfUTF8(200)) is neither a branch nor a tag")
    }

    /// - Throws: `UnusedReport` if the ref was deleted.
    static func commit(_ text: String?, _ name: String) throws(UnusedReport) -> String {
        let commit = try ReportedName.commit(text)
        guard commit.utf8.contains(where: { $0 != UInt8(ascii: "0") }) else {
            throw UnusedReport("\(name.prefixOfUTF8(200)) was deleted")
        }
        return commit
    }
}
