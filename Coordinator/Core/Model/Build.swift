public import BuildProtocol
public import PackerKit
import TextKit

/// A request to make an image of a guest OS from one commit of its template.
public struct Build: Sendable, Hashable, Codable {
    public var id: String
    public var guestOSID: String
    public var guestOS: String
    /// Counts the builds of one guest OS from 1; part of the image's name.
    @Bounded<CountBound> public var number: Int
    public var state: BuildState
    /// The stage that is running or queued.
    public var stage: BuildStage
    /// Higher ones go first; the default is 0.
    @Bounded<PriorityBound> public var priority: Int
    public var owner: String
    public var plan: BuildPlan
    /// The historic column `update_contents`: why the build was requested.
    public var updateContents: String
    @Bounded<UnixTimeBound> public var submittedMilliseconds: Int64
    /// A retry waits until then.
    @Bounded<UnixTimeBound> public var notBeforeMilliseconds: Int64
    @OptionalBounded<UnixTimeBound> public var startedMilliseconds: Int64?
    @OptionalBounded<UnixTimeBound> public var endedMilliseconds: Int64?
    /// The attempt that owns the build now, or owned it last.
    public var attempt: AttemptToken?
    public var host: String?
    @Bounded<CountBound> public var attemptCount: Int
    public var cancelRequested: Bool
    /// Why the build or its last attempt failed.
    public var fault: Fault?
    public var image: PublishedImage?
    /// Pinned by a person: kept regardless of the retention policy.
    public var isPinned: Bool
    /// When its image and logs were removed.
    @OptionalBounded<UnixTimeBound> public var prunedMilliseconds: Int64?

    public init(
        id: String, guestOSID: String, guestOS: String, number: Int, state: BuildState = .queued,
        stage: BuildStage = .build, priority: Int, owner: String, plan: BuildPlan,
        updateContents: String,
        submittedMilliseconds: Int64, notBeforeMilliseconds: Int64 = 0,
        startedMilliseconds: Int64? = nil, endedMilliseconds: Int64? = nil,
        attempt: AttemptToken? = nil, host: String? = nil, attemptCount: Int = 0,
        cancelRequested: Bool = false, fault: Fault? = nil, image: PublishedImage? = nil,
        isPinned: Bool = false, prunedMilliseconds: Int64? = nil
    ) {
        self.id = id
        self.guestOSID = guestOSID
        self.guestOS = guestOS
        self.number = number
        self.state = state
        self.stage = stage
        self.priority = priority
        self.owner = owner
        self.plan = plan
        self.updateContents = updateContents
        self.submittedMilliseconds = submittedMilliseconds
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.startedMilliseconds = startedMilliseconds
        self.endedMilliseconds = endedMilliseconds
        self.attempt = attempt
        self.host = host
        self.attemptCount = attemptCount
        self.cancelRequested = cancelRequested
        self.fault = fault
        self.image = image
        self.isPinned = isPinned
        self.prunedMilliseconds = prunedMilliseconds
    }

    public var isPrunable: Bool { state.isEnded && !isPinned && prunedMilliseconds == nil }

    /// `<name>x86_64_<yyyymmdd>_<number>`, as the original AIBuild names its images. The date is
    /// the day of submission in UTC, so that a retry after midnight keeps the name.
    public var imageName: String {
        let day = CivilDate(unixMilliseconds: submittedMilliseconds)
        return "\(folderName)x86_64_\(day.compact)_\(number)"
    }

    /// Of its images in the web root.
    public var folderName: String { Names.fileName(of: guestOS) }
}

/// What a build does, fixed when it is submitted: later changes of the template do not affect it.
public struct BuildPlan: Sendable, Hashable, Codable {
    public var template: TemplateArchive
    /// The Git commit of the template, if it came from Git.
    public var commit: String?
    public var recipe: BuildRecipe
    public var requirements: Requirements
    public var limits: AttemptLimits
    /// Builds of this guest OS that may run at once; `nil`: no limit.
    @OptionalBounded<CountBound> public var concurrency: Int?
    /// Attempts of each stage after the first; `nil`: as many as `RetryPolicy` has it.
    @OptionalBounded<RetriesBound> public var retries: Int?
    /// `nil`: the image is not tested.
    public var tests: ImageTests?
    /// The releases of the image once it has passed; `nil`: only on request.
    public var release: ReleasePlan?
    /// What the template needs of the Packer that builds it; `nil`: nothing that is known.
    public var packer: PackerNeeds?
    /// Why it can only run where KVM works, if the template itself asks for it.
    public var acceleratorReason: String?
    /// Names of the secrets that the coordinator has for this build; `nil`: none.
    public var farmSecrets: [String]?
    /// Whether the build gets no secret, whoever has it: what it builds is a stranger's. `nil`: it
    /// gets those that it names.
    public var withholdsSecrets: Bool?
    /// Where variables come from that are not those of `aibuild.yml`; `nil`: all are.
    public var variableOrigins: [String: VariableOrigin]?
    /// Which variables of its host the Packer template knows; `nil`: those that are set.
    public var hostVariables: [String]?
    /// What this build has otherwise than its guest OS says; `nil`: nothing.
    public var change: PlanChange?
    /// What started it; `nil`: a person.
    public var origin: BuildOrigin?
    /// `false`: the tested image stays where builds leave it, and is never released; `nil`: it is
    /// published.
    public var publishes: Bool?

    public init(
        template: TemplateArchive, commit: String? = nil, recipe: BuildRecipe,
        requirements: Requirements, limits: AttemptLimits, concurrency: Int? = nil,
        tests: ImageTests? = nil, release: ReleasePlan? = nil, packer: PackerNeeds? = nil,
        acceleratorReason: String? = nil
    ) {
        self.template = template
        self.commit = commit
        self.recipe = recipe
        self.requirements = requirements
        self.limits = limits
        self.concurrency = concurrency
        self.tests = tests
        self.release = release
        self.packer = packer
        self.acceleratorReason = acceleratorReason
    }

    /// Whether its image is one of the guest OS's, and not of something that is tried out.
    public var isPublished: Bool { publishes ?? true }
}

/// The main image of a build in the web root.
public struct PublishedImage: Sendable, Hashable, Codable {
    /// File name with extension.
    public var name: String
    /// Below the web root: `images/build/<guest OS>/<name>`, or `images/release/…` once it was
    /// tested.
    public var path: String
    public var url: String
    @Bounded<ByteBound> public var sizeBytes: Int64
    public var sha256: String
    public var format: ImageFormat
    @OptionalBounded<ByteBound> public var virtualSizeBytes: Int64?
    /// The attempt that made it.
    public var attempt: AttemptToken?

    public init(
        name: String, path: String, url: String, sizeBytes: Int64, sha256: String,
        format: ImageFormat,
        virtualSizeBytes: Int64?, attempt: AttemptToken? = nil
    ) {
        self.name = name
        self.path = path
        self.url = url
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.format = format
        self.virtualSizeBytes = virtualSizeBytes
        self.attempt = attempt
    }
}

extension PublishedImage {
    /// Whether it only lists images that are elsewhere.
    public var isList: Bool {
        format == .file && name.hasSuffix("-" + RemoteImageList.fileName)
    }
}

/// The request for a build; the store assigns its number.
public struct NewBuild: Sendable, Hashable {
    public var id: String
    public var guestOSID: String
    public var guestOS: String
    @Bounded<PriorityBound> public var priority: Int
    public var owner: String
    public var plan: BuildPlan
    public var updateContents: String
    @Bounded<UnixTimeBound> public var submittedMilliseconds: Int64

    public init(
        id: String, guestOSID: String, guestOS: String, priority: Int, owner: String,
        plan: BuildPlan, updateContents: String, submittedMilliseconds: Int64
    ) {
        self.id = id
        self.guestOSID = guestOSID
        self.guestOS = guestOS
        self.priority = priority
        self.owner = owner
        self.plan = plan
        self.updateContents = updateContents
        self.submittedMilliseconds = submittedMilliseconds
    }
}

/// Priorities of builds; a higher one goes first.
public enum PriorityBound: NumberBound { public static let range = -100...100 }
