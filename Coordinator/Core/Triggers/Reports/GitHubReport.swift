import BuildProtocol
import TextKit

/// What GitHub sends, and Gitea and Forgejo alike: events `push` and `pull_request`, as far as they
/// matter here.
struct GitHubReport: Decodable {
    struct Repository: Decodable {
        var full_name, default_branch: String?
    }

    struct Commit: Decodable {
        var id, message: String?
    }

    struct Side: Decodable {
        var ref, sha: String?
        /// `null` if the fork was deleted.
        var repo: Repository?
    }

    struct PullRequest: Decodable {
        var title: String?
        var head, base: Side?
    }

    var ref, after, action: String?
    var deleted: Bool?
    var number: Int?
    var repository: Repository?
    var head_commit: Commit?
    var pull_request: PullRequest?

    static func read(
        _ report: GitHubReport, _ event: String
    ) throws(UnusedReport) -> GitReport {
        switch event {
        case "push": return try report.push()
        // Gitea tells new commits apart, by a second header and here.
        case "pull_request", "pull_request_sync": return try report.pullRequest()
        case "ping": throw UnusedReport("ping: the hook works")
        case "create": throw UnusedReport("a new branch or tag is reported by its push")
        case "delete":
            throw UnusedReport("\((report.ref ?? "a ref").prefixOfUTF8(200)) was deleted")
        default:
            let name = event.isEmpty ? "Unknown" : event.prefixOfUTF8(80)
            throw UnusedReport("\(name) events start no build")
        }
    }

    private var defaultBranch: String? {
        repository?.default_branch.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func push() throws(UnusedReport) -> GitReport {
        let path = try ReportedName.project(repository?.full_name)
        let (change, name) = try PushedRef.read(ref)
        if deleted ?? false { throw UnusedReport("\(name) was deleted") }
        return GitReport(
            change, project: path, ref: name, commit: try PushedRef.commit(after, name),
            defaultBranch: defaultBranch, skip: SkipMark.find(in: head_commit?.message))
    }

    private func pullRequest() throws(UnusedReport) -> GitReport {
        let path = try ReportedName.project(repository?.full_name)
        guard let request = pull_request, let number, CountBound.range.contains(number) else {
            throw UnusedReport("the report does not say which pull request it is about")
        }
        let change: GitReport.Change
        switch action {
        case "opened", "reopened", "synchronize", "synchronized": change = .mergeRequest
        case "closed": change = .mergeRequestClosed
        default:
            let action = (action ?? "other").prefixOfUTF8(80)
            throw UnusedReport("\(action) of a pull request starts no build")
        }
        let source = request.head?.repo?.full_name
        return GitReport(
            change, project: path, ref: try ReportedName.ref(request.base?.ref),
            commit: try ReportedName.commit(request.head?.sha), defaultBranch: defaultBranch,
            skip: SkipMark.find(in: request.title),
            mergeRequest: GitReport.MergeRequest(
                number: number, title: ReportedName.title(request.title),
                isForeign: source == nil || source != request.base?.repo?.full_name,
                fetchedRef: "refs/pull/\(number)/head"))
    }
}
