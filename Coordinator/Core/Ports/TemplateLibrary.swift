public import BuildProtocol
public import ErrorKit

/// Packs a guest OS's template into an archive named by its content, and reads its `aibuild.yml`.
public protocol TemplateLibrary: Sendable {
    /// - Parameter kind: the trigger whose variables the plan has; `nil`: none.
    /// - Throws: `TemplateFault` that names file, line and key if known.
    func plan(
        for guestOS: GuestOS, startedBy kind: BuildOrigin.Kind?
    ) async throws -> BuildPlan
    /// What starts builds of the guest OS, by its newest template, and the commit of that.
    /// - Throws: `TemplateFault`
    func triggers(
        of guestOS: GuestOS
    ) async throws -> (triggers: ImageTriggers, commit: String?)
    /// A text that changes when the base image does: its digest in the checksum file, or what the
    /// server says of its version.
    /// - Throws: `TemplateFault` if the server cannot be asked, or says nothing of it.
    func mark(of watch: Watch) async throws -> String
    /// The same, compared with an older mark. Of several things that are looked at, those that
    /// can be read are compared, whatever is wrong with the others.
    /// - Throws: `TemplateFault` if nothing of it can be read.
    func sight(of watch: Watch, since old: String?) async throws -> WatchSight
    /// Whether the commit of a plan changes what a push has to change for the image, compared with
    /// an older commit.
    /// - Parameter asMergeRequest: compares with the commit where both parted, so that what the
    ///   target branch changed since then does not count.
    /// - Returns: true also if the older commit is gone.
    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool
    /// The first lines of the messages of the commits since an older one, newest first, at most
    /// 20; none if the older one is not known. A plan without a commit has none.
    func subjects(
        _ guestOS: GuestOS, of plan: BuildPlan, since old: String?
    ) async throws -> [String]
    /// What starts builds of the guest OS, by the template of a plan.
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers
    /// The path of the archive, for delivery to a host.
    /// - Throws: `TemplateFault` if it is gone.
    func path(of archive: TemplateArchive) throws -> String
    /// Sees to it that the archive of an older build is here: one of a Git repository is made again
    /// from its commit.
    /// - Throws: `TemplateFault` if that cannot be done, or what is made is not the same.
    func restore(_ plan: BuildPlan, of guestOS: GuestOS) async throws
    /// The templates under `output/` for a guest OS, by the names of the rendered files.
    /// - Throws: `TemplateFault` with file, line and column.
    func outputs(
        of archive: TemplateArchive, for guestOS: String
    ) async throws -> [(name: String, template: OutputTemplate)]
    /// Removes archives that are not named here and that no build has used for a day, and copies of
    /// repositories that no build has used for a month. What cannot be removed does not keep the
    /// rest.
    /// - Parameter digests: of the archives of builds whose images and logs are kept.
    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) async throws
}

extension TemplateLibrary {
    /// Of archives that cannot be made again.
    public func restore(_ plan: BuildPlan, of guestOS: GuestOS) async throws {
        _ = try path(of: plan.template)
    }

    /// Of what is one thing.
    public func sight(of watch: Watch, since old: String?) async throws -> WatchSight {
        WatchSight(since: old, mark: try await mark(of: watch))
    }

    /// The plan of a build that no trigger starts.
    public func plan(for guestOS: GuestOS) async throws -> BuildPlan {
        try await plan(for: guestOS, startedBy: nil)
    }
}

/// Why a template cannot be built.
public typealias TemplateFault = CodedError<TemplateFaultCode>

public enum TemplateFaultCode: UsualFailureCode {
    /// The template, or what the guest OS says of it, has to be changed.
    case usual
    /// The repository cannot be fetched now, or an archive is gone.
    case unavailable

    public var isPermanent: Bool { self == .usual }
}

/// A Git server with the template repositories (GitLab).
public protocol TemplateServer: Sendable {
    /// The address of the template of a guest OS of this name.
    func template(ofGuestOS name: String) -> TemplateSource
    /// Creates what is missing: the repository, and the hook that reports each push to this
    /// coordinator. Existing ones are used. Idempotent.
    func prepare(guestOS name: String) async -> TemplateServerReport
}

/// What was done for one guest OS on the Git server, and what was not.
public struct TemplateServerReport: Sendable, Hashable, Codable {
    public var guestOS: String
    /// In order, each as a short sentence.
    public var done: [String]
    /// Why the rest was not done, and what to do.
    public var problem: String?

    public init(guestOS: String, done: [String] = [], problem: String? = nil) {
        self.guestOS = guestOS
        self.done = done
        self.problem = problem
    }
}
