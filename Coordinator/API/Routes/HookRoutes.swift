import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes
import Support
import TextKit

/// Webhooks of Git servers. They authenticate by a secret of their own, not by the API token
/// (`AccessControl`).
///
/// Whatever carries the secret is answered with 200 and a reason: GitLab disables a hook that
/// responds with errors, for every other project as well if it is the hook of a group.
enum HookRoutes {
    static let gitLabPath = "/api/v1/hooks/gitlab"

    /// GitLab gives up after 10 s, and takes that for a failure of the hook.
    private static let answerMilliseconds: Int64 = 8000

    private struct Ignored: Encodable { var ignored: String }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("POST", gitLabPath, query: .any) { request, _ in
            // A hook that stayed after `gitlab:` was taken out of coordinator.yml.
            guard api.ports.templateServer != nil else {
                return try ignored("no GitLab server is configured; delete this hook in GitLab")
            }
            switch push(request) {
            case .failure(let why): return try ignored(why.description)
            case .success(let push):
                return try .json(
                    try await api.leader().pushes.pushed(
                        push, by: "gitlab", limitMilliseconds: answerMilliseconds))
            }
        }
    }

    private static func ignored(_ why: String) throws -> HTTPResponse {
        Logger("gitlab").info("hook request ignored: \(why)")
        return try .json(Ignored(ignored: why))
    }

    /// The answer to a report that is too large to be read, such as one of a push with very long
    /// messages; `nil` for other requests.
    static func response(toOversized request: HTTPRequest) -> HTTPResponse? {
        guard request.path == gitLabPath else { return nil }
        return try? ignored(
            "the report is too large to be read; submit the build: aibuild build GUESTOS")
    }

    /// Reads a report as GitLab sends it with `X-Gitlab-Event: Push Hook`, `Tag Push Hook` or
    /// `System Hook`. Fails with the reason why it starts no build.
    static func push(_ request: HTTPRequest) -> Result<Push, Failure> {
        let event = request.headers["X-Gitlab-Event"]?.prefixOfUTF8(80) ?? ""
        guard let report = try? request.decode(JSON.self), case .object(let fields) = report,
            !fields.isEmpty
        else {
            return .failure(Failure("the request is not a report of GitLab (\(event)) in JSON"))
        }
        let kind = report["object_kind"]?.text ?? report["event_name"]?.text ?? event
        guard ["push", "tag_push"].contains(kind) else {
            let name = kind.isEmpty ? "Unknown" : kind.prefixOfUTF8(80)
            return .failure(Failure("\(name) events start no build"))
        }
        guard let ref = report["ref"]?.text, let commit = report["after"]?.text,
            let project = report["project"]?["path_with_namespace"]?.text
        else { return .failure(Failure("the report does not say what was pushed, and where")) }
        let branch = ["refs/heads/", "refs/tags/"].first { ref.utf8.starts(with: $0.utf8) }
        guard let branch, !commit.isEmpty else {
            return .failure(
                Failure("\(ref.prefixOfUTF8(200)) is neither a branch nor a tag"))
        }
        let name = String(ref.dropFirst(branch.count))
        guard commit.contains(where: { $0 != "0" }) else {
            return .failure(Failure("\(name.prefixOfUTF8(200)) was deleted"))
        }
        return .success(
            Push(
                project: project, ref: name, commit: commit,
                defaultBranch: (report["project"]?["default_branch"]?.text)
                    .flatMap { $0.isEmpty ? nil : $0 },
                skip: skip(report, commit)))
    }

    /// The pusher's request not to start anything: an option of the push, or a mark in the message
    /// of the newest commit, by the rules of GitLab's own pipelines.
    private static func skip(_ report: JSON, _ commit: String) -> String? {
        for (group, option) in [("ci", "skip"), ("integrations", "skip_ci")] {
            switch report["push_options"]?[group]?[option] {
            case nil, .null, .bool(false), .string("false"), .int(0): continue
            default: return "\(group).\(option)"
            }
        }
        guard case .array(let commits)? = report["commits"] else { return nil }
        let newest = commits.last { $0["id"]?.text == commit } ?? commits.last
        let message = newest?["message"]?.text ?? newest?["title"]?.text ?? ""
        return message.firstMatch(of: #/(?i)\[(?:ci[ _-]skip|skip[ _-]ci)\]/#)
            .map { String($0.output) }
    }
}
