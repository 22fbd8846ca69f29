import BuildProtocol
public import CoordinatorCore
import Support
import TextKit

/// Templates on a GitLab server: a project `<guest OS>_tpl` in one group, with a hook for pushes.
public struct GitLabServer: TemplateServer {
    private let settings: GitLabSettings
    private let api: GitLabAPI

    public init(_ settings: GitLabSettings) {
        self.settings = settings
        api = GitLabAPI(settings)
    }

    public func template(ofGuestOS name: String) -> TemplateSource {
        .git(
            url: "\(settings.url)/\(settings.group)/\(projectName(name)).git",
            ref: TemplateSource.defaultRef)
    }

    public func prepare(guestOS name: String) async -> TemplateServerReport {
        var report = TemplateServerReport(guestOS: name)
        do throws(GitLabAPI.Fault) {
            let project = try await project(projectName(name), &report)
            try await hook(project, &report)
        } catch { report.problem = error.description }
        return report
    }

    private static let suffix = "_tpl"

    private func projectName(_ guestOS: String) -> String {
        Names.fileName(of: guestOS) + Self.suffix
    }

    private struct NewGroup: Encodable {
        var name: String
        var path: String
        var parent_id: Int?
        var visibility = "private"
    }

    private struct NewProject: Encodable {
        var name: String
        var path: String
        var namespace_id: Int
        var default_branch = "main"
        var visibility = "private"
    }

    private struct HookFields: Encodable {
        var url: String
        var token: String
        var push_events = true
        var tag_push_events = true
        var merge_requests_events = true
        var enable_ssl_verification = true
    }

    // MARK: Project

    private func project(
        _ name: String, _ report: inout TemplateServerReport
    ) async throws(GitLabAPI.Fault) -> GitLabAPI.Project {
        let path = "\(settings.group)/\(name)"
        let place = "projects/\(PercentCoding.encode(path))"
        if let project = try await api.find(GitLabAPI.Project.self, place) {
            if project.archived == true {
                throw GitLabAPI.Fault(
                    "the project \(path) is archived. Unarchive it in GitLab, then try "
                        + "again")
            }
            report.done.append("project \(path) exists")
            return project
        }
        let group = try await group(settings.group, &report)
        return try await create(
            GitLabAPI.Project.self, "projects",
            NewProject(name: name, path: name, namespace_id: group.id), "project \(path)",
            at: place, &report,
            orElse: "GitLab has something named \(path) that the token cannot access. Give its "
                + "owner access to it, or rename it")
    }

    /// - Parameters:
    ///   - collection: the path to which new ones are sent.
    ///   - place: the path of this one.
    private func create<Value: Decodable>(
        _ type: Value.Type, _ collection: String, _ fields: some Encodable, _ what: String,
        at place: String, _ report: inout TemplateServerReport, orElse remedy: String
    ) async throws(GitLabAPI.Fault) -> Value {
        if let made = try await api.make(type, collection, fields, what: what) {
            report.done.append("\(what): created")
            return made
        }
        // Somebody else created it meanwhile, or it exists and the token may not see it.
        guard let found = try await api.find(type, place) else { throw GitLabAPI.Fault(remedy) }
        report.done.append("\(what) exists")
        return found
    }

    // MARK: Group

    /// The group and its parents, each created if it is missing.
    private func group(
        _ path: String, _ report: inout TemplateServerReport
    ) async throws(GitLabAPI.Fault) -> GitLabAPI.Group {
        let place = "groups/\(PercentCoding.encode(path))?with_projects=false"
        if let group = try await api.find(GitLabAPI.Group.self, place) { return group }
        let steps = path.split(separator: "/").map(String.init)
        guard let name = steps.last else {
            throw GitLabAPI.Fault("gitlab.group is empty")
        }
        var parent: Int?
        if steps.count > 1 {
            parent = try await group(steps.dropLast().joined(separator: "/"), &report).id
        }
        return try await create(
            GitLabAPI.Group.self, "groups", NewGroup(name: name, path: name, parent_id: parent),
            "group \(path)", at: place, &report,
            orElse: "GitLab has a user or group named \(path) that the token cannot access. "
                + "Give its owner access to the group, or set gitlab.group to another name")
    }

    // MARK: Hook

    /// GitLab never returns the secret of a hook, so it is written each time: after a change of the
    /// secret, a repetition is all that is needed.
    private func hook(
        _ project: GitLabAPI.Project, _ report: inout TemplateServerReport
    ) async throws(GitLabAPI.Fault) {
        let fields = HookFields(url: settings.hookURL, token: settings.hookSecret)
        let place = "projects/\(project.id)/hooks"
        let hooks = try await api.hooks(ofProject: project.id)
        let ours =
            hooks.first { $0.url == settings.hookURL }
            // Created by a coordinator with another address.
            ?? hooks.first { Self.path($0.url) == Self.path(settings.hookURL) }
        guard let ours else {
            _ = try await api.make(GitLabAPI.Hook.self, place, fields, what: "the push hook")
            report.done.append("hook to \(settings.hookURL): created")
            return
        }
        try await api.change("\(place)/\(ours.id)", fields, what: "the push hook")
        let isRight =
            ours.url == settings.hookURL && ours.push_events && ours.tag_push_events != false
            && ours.enable_ssl_verification != false
        report.done.append(
            "hook to \(settings.hookURL)" + (isRight ? " exists" : ": corrected"))
    }

    /// The URL without scheme and host.
    private static func path(_ url: String) -> String {
        url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3)
            .first.map(String.init) ?? ""
    }
}

/// Address and credentials of the GitLab server.
public struct GitLabSettings: Sendable {
    /// `https://gitlab.example.org`, with a path if it has one.
    public var url: String
    /// Of a user or group that may create projects in the group.
    public var token: String
    /// Path of the group that contains the projects; may be a subgroup.
    public var group: String
    /// The URL to which GitLab reports pushes.
    public var hookURL: String
    /// The secret that GitLab sends with each push, so that nobody else can report one.
    public var hookSecret: String
    /// Whether the states of builds are shown beside their commits.
    public var sendsStatus: Bool
    /// A file of trusted authorities; `nil`: the system's.
    public var authorities: String?

    public init(
        url: String, token: String, group: String, hookURL: String, hookSecret: String,
        sendsStatus: Bool = true
    ) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
        self.group = group
        self.hookURL = hookURL
        self.hookSecret = hookSecret
        self.sendsStatus = sendsStatus
    }
}
