import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// Webhooks of Git servers. They authenticate by a secret of their own, not by the API token
/// (`AccessControl`).
enum HookRoutes {
    static let gitLabPath = "/api/v1/hooks/gitlab"

    /// As GitLab sends it with `X-Gitlab-Event: Push Hook` and `Tag Push Hook`.
    struct Report: Decodable {
        struct Project: Decodable { var path_with_namespace: String }

        var object_kind: String
        var ref: String?
        var after: String?
        var project: Project?
    }

    private struct Ignored: Encodable { var ignored: String }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", gitLabPath) { request, _ in
            guard api.ports.templateServer != nil else {
                throw Problem.notFound("No GitLab server is configured")
            }
            let report = try request.decode(Report.self)
            guard let push = push(report) else {
                return try .json(
                    Ignored(ignored: "\(report.object_kind.prefix(40)) events start no build"))
            }
            return try .json(try await api.leader().pushes.pushed(push, by: "gitlab"))
        }
    }

    /// `nil` for other events, and for a branch that was deleted.
    static func push(_ report: Report) -> Push? {
        guard ["push", "tag_push"].contains(report.object_kind), let ref = report.ref,
            let commit = report.after, !commit.allSatisfy({ $0 == "0" }),
            let project = report.project?.path_with_namespace
        else { return nil }
        for prefix in ["refs/heads/", "refs/tags/"] where ref.hasPrefix(prefix) {
            return Push(
                project: project, ref: String(ref.dropFirst(prefix.count)), commit: commit)
        }
        return nil
    }
}
