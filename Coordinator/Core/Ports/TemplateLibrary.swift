public import BuildProtocol
public import ErrorKit

/// Packs a guest OS's template into an archive named by its content, and reads its `aibuild.yml`.
public protocol TemplateLibrary: Sendable {
    /// - Throws: `TemplateFault` that names file, line and key if known.
    func plan(for guestOS: GuestOS) async throws -> BuildPlan
    /// Whether the commit of a plan changes what a push has to change for the image, compared with
    /// an older commit.
    /// - Parameter asMergeRequest: compares with the commit where both parted, so that what the
    ///   target branch changed since then does not count.
    /// - Returns: true also if the older commit is gone.
    func isTouched(
        _ guestOS: GuestOS, _ plan: BuildPlan, since old: String, asMergeRequest: Bool
    ) async throws -> Bool
    /// What starts builds of the guest OS, by the template of a plan.
    func triggers(of guestOS: GuestOS, in plan: BuildPlan) async throws -> ImageTriggers
    /// The path of the archive, for delivery to a host.
    /// - Throws: `TemplateFault` if it is gone.
    func path(of archive: TemplateArchive) throws -> String
    /// The templates under `output/`, by the names of the rendered files.
    /// - Throws: `TemplateFault` with file, line and column.
    func outputs(
        of archive: TemplateArchive
    ) async throws -> [(name: String, template: OutputTemplate)]
    /// Removes archives that are not named here and that no build has used for a day, and copies of
    /// repositories that no build has used for a month. What cannot be removed does not keep the
    /// rest.
    /// - Parameter digests: of the archives of builds whose images and logs are kept.
    func sweep(keeping digests: Set<String>, nowMilliseconds: Int64) async throws
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
    /// Whether the template is kept in the project with this path on the server.
    func isKept(_ template: TemplateSource, inProject path: String) -> Bool
    /// Whether a hook request has the right secret. Takes the same time for any.
    func isSecretOfReports(_ secret: String) -> Bool
}

/// A push that the Git server reported.
public struct Push: Sendable, Hashable {
    /// `aibuild/debian12_tpl`
    public var project: String
    /// Branch or tag.
    public var ref: String
    public var commit: String
    /// The project's default branch, if the report names it.
    public var defaultBranch: String?
    /// How the push says that it wants no build, such as `[ci skip]`.
    public var skip: String?

    public init(
        project: String, ref: String, commit: String, defaultBranch: String? = nil,
        skip: String? = nil
    ) {
        self.project = project
        self.ref = ref
        self.commit = commit
        self.defaultBranch = defaultBranch
        self.skip = skip
    }
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
