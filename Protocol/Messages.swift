// The bodies of the messages. Each is idempotent.

import TextKit

/// The first message of each side. The agent's reports its host and the attempts that it holds, so
/// that the coordinator can reconcile after any interruption.
public struct CoordinatorHello: Sendable, Hashable, Codable {
    public var version: ProtocolVersion
    /// The epoch of the coordinator's lease; 0 if missing. An agent refuses a session whose epoch
    /// is below the highest that it has received, and ends older sessions when it receives a higher
    /// one.
    @OptionalBounded<SerialBound> public var epoch: Int64?

    public init(version: ProtocolVersion = .current, epoch: Int64? = nil) {
        self.version = version
        self.epoch = epoch
    }
}

public struct AgentHello: Sendable, Hashable, Codable {
    public var version: ProtocolVersion
    @BoundedText<WordBound> public var agentVersion: String
    /// Chosen at random when the daemon started: two hosts with the same one are one machine under
    /// two names. Missing from older agents.
    @OptionalBoundedText<WordBound> public var agentID: String?
    public var host: HostReport
    public var attempts: [AttemptSummary]
    /// Digests of the template archives on the agent's disk.
    public var templates: [String]

    public init(
        version: ProtocolVersion = .current, agentVersion: String, agentID: String? = nil,
        host: HostReport, attempts: [AttemptSummary], templates: [String]
    ) {
        self.version = version
        self.agentVersion = agentVersion
        self.agentID = agentID
        self.host = host
        self.attempts = attempts
        self.templates = templates
    }
}

/// The resources of a host. Sent in `hello` and whenever they change notably.
public struct HostReport: Sendable, Hashable, Codable {
    @Bounded<SlotBound> public var slots: Int
    @Bounded<CountBound> public var vcpus: Int
    @Bounded<ByteBound> public var memoryBytes: Int64
    /// Space for new attempts on the disk of the agent's state folder, minus the reservations of
    /// others.
    @Bounded<ByteBound> public var diskFreeBytes: Int64
    @Bounded<ByteBound> public var diskTotalBytes: Int64
    public var accelerators: Set<Accelerator>
    public var tags: Set<String>
    /// Digests of cached base images.
    public var baseImages: [String]
    @OptionalBoundedText<WordBound> public var packerVersion: String?
    @OptionalBoundedText<WordBound> public var qemuVersion: String?
    /// Whether the agent can test images; missing from older agents, which cannot.
    public var runsTests: Bool?
    /// Values of `TestAbility`; a newer agent may send unknown ones.
    public var testAbilities: [String]?
    /// Values of `BuildAbility`, likewise.
    public var buildAbilities: [String]?
    /// Versions of Packer's plugins by source (`github.com/hashicorp/qemu`); `nil`: not known.
    public var packerPlugins: [String: [String]]?
    /// Of the plugins that the agent takes from the coordinator (`linux_amd64`); `nil`: it takes
    /// none.
    @OptionalBoundedText<WordBound> public var pluginPlatform: String?
    /// Names of the secrets that templates may use there; `nil`: none.
    public var secrets: [String]?
    /// Of the secrets that not every guest OS may use there, the names of those that may, in which
    /// `*` stands for any text.
    public var secretGuestOSes: [String: [String]]?
    /// The host's wall clock when the report was made; the coordinator reports a large clock skew.
    @Bounded<UnixTimeBound> public var unixMilliseconds: Int64
    /// Messages for the operator (`/dev/kvm exists but guests hang under it …`).
    @BoundedTexts<ReasonBound> public var notices: [String]

    public init(
        slots: Int, vcpus: Int, memoryBytes: Int64, diskFreeBytes: Int64, diskTotalBytes: Int64,
        accelerators: Set<Accelerator>, tags: Set<String>, baseImages: [String] = [],
        packerVersion: String? = nil, qemuVersion: String? = nil, runsTests: Bool? = nil,
        testAbilities: [String]? = nil, buildAbilities: [String]? = nil,
        packerPlugins: [String: [String]]? = nil, pluginPlatform: String? = nil,
        secrets: [String]? = nil, secretGuestOSes: [String: [String]]? = nil,
        unixMilliseconds: Int64, notices: [String] = []
    ) {
        self.slots = slots
        self.vcpus = vcpus
        self.memoryBytes = memoryBytes
        self.diskFreeBytes = diskFreeBytes
        self.diskTotalBytes = diskTotalBytes
        self.accelerators = accelerators
        self.tags = tags
        self.baseImages = baseImages
        self.packerVersion = packerVersion
        self.qemuVersion = qemuVersion
        self.runsTests = runsTests
        self.testAbilities = testAbilities
        self.buildAbilities = buildAbilities
        self.packerPlugins = packerPlugins
        self.pluginPlatform = pluginPlatform
        self.secrets = secrets
        self.secretGuestOSes = secretGuestOSes
        self.unixMilliseconds = unixMilliseconds
        self.notices = notices
    }

    /// Whether a guest OS may use the secret there, which the host has.
    public func allows(secret: String, guestOS: String) -> Bool {
        guard let allowed = secretGuestOSes?[secret] else { return true }
        return allowed.contains { Wildcards.matches(Wildcards.parts(of: $0), guestOS) }
    }
}

public struct AttemptSummary: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var state: AttemptState
    /// Size of `log.ndjson` on the agent's disk.
    @Bounded<ByteBound> public var logBytes: Int64

    public init(attempt: AttemptToken, state: AttemptState, logBytes: Int64) {
        self.attempt = attempt
        self.state = state
        self.logBytes = logBytes
    }
}

/// Starts an attempt. Answered with `phase accepted`, or with `error` if the host does not accept
/// it.
public struct Start: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var build: BuildDescription
    public var template: TemplateArchive
    public var recipe: BuildRecipe
    public var requirements: Requirements
    public var limits: AttemptLimits
    /// Secrets that the recipe names and the host does not have. Only an agent with the ability
    /// `secrets` is sent them; it never stores them in its order.
    public var secrets: SecretValues?

    public init(
        attempt: AttemptToken, build: BuildDescription, template: TemplateArchive,
        recipe: BuildRecipe, requirements: Requirements, limits: AttemptLimits,
        secrets: SecretValues? = nil
    ) {
        self.attempt = attempt
        self.build = build
        self.template = template
        self.recipe = recipe
        self.requirements = requirements
        self.limits = limits
        self.secrets = secrets
    }
}

/// The identity of the build, for variables, folders and logs on the host.
public struct BuildDescription: Sendable, Hashable, Codable {
    public var id: String
    public var guestOS: String
    @Bounded<CountBound> public var number: Int
    /// `<name>x86_64_<yyyymmdd>_<number>`, without extension.
    public var imageName: String

    public init(id: String, guestOS: String, number: Int, imageName: String) {
        self.id = id
        self.guestOS = guestOS
        self.number = number
        self.imageName = imageName
    }
}

public struct Cancel: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var reason: String
    public init(attempt: AttemptToken, reason: String) {
        self.attempt = attempt
        self.reason = reason
    }
}

/// Requests the log from `cursor` on, and `finished` after its end. A second `follow` of the same
/// attempt replaces the first: it is the rewind.
public struct Follow: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    @Bounded<ByteBound> public var cursor: Int64
    public init(attempt: AttemptToken, cursor: Int64) {
        self.attempt = attempt
        self.cursor = cursor
    }
}

/// The acknowledgement after which the agent may delete everything of the attempt. A running
/// attempt is killed first, because its result is no longer wanted.
public struct Forget: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public init(attempt: AttemptToken) { self.attempt = attempt }
}

public struct Ping: Sendable, Hashable, Codable {
    @Bounded<SerialBound> public var id: Int64
    public init(id: Int64) { self.id = id }
}

public struct Phase: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var state: AttemptState
    /// For people: "fetching base image, 40 %".
    @OptionalBoundedText<ReasonBound> public var detail: String?
    public init(attempt: AttemptToken, state: AttemptState, detail: String? = nil) {
        self.attempt = attempt
        self.state = state
        self.detail = detail
    }
}

/// A chunk of `log.ndjson` as it is on the agent's disk: whole lines, from byte `cursor`.
public struct LogChunk: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    @Bounded<ByteBound> public var cursor: Int64
    public var data: String
    public init(attempt: AttemptToken, cursor: Int64, data: String) {
        self.attempt = attempt
        self.cursor = cursor
        self.data = data
    }
}

/// The durable result of an attempt; sent only after every byte of its log was sent.
public struct Finished: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var outcome: Outcome
    @Bounded<ByteBound> public var logBytes: Int64
    public var logSHA256: String
    public var artifacts: [Artifact]
    public var accelerator: Accelerator?
    @Bounded<UnixTimeBound> public var startedUnixMilliseconds: Int64
    @Bounded<UnixTimeBound> public var endedUnixMilliseconds: Int64
    /// What was observed of the guest of an attempt that did not pass, if there was one.
    public var evidence: GuestEvidence?
    /// One for each test case that was started, in order; only of a test attempt.
    public var tests: [TestResult]?
    /// What the attempt made outside its host and did not take back, also if it did not pass.
    /// Missing from older agents.
    public var remoteImages: [RemoteImage]?

    public init(
        attempt: AttemptToken, outcome: Outcome, logBytes: Int64, logSHA256: String,
        artifacts: [Artifact], accelerator: Accelerator? = nil, startedUnixMilliseconds: Int64,
        endedUnixMilliseconds: Int64, evidence: GuestEvidence? = nil, tests: [TestResult]? = nil,
        remoteImages: [RemoteImage]? = nil
    ) {
        self.attempt = attempt
        self.outcome = outcome
        self.logBytes = logBytes
        self.logSHA256 = logSHA256
        self.artifacts = artifacts
        self.accelerator = accelerator
        self.startedUnixMilliseconds = startedUnixMilliseconds
        self.endedUnixMilliseconds = endedUnixMilliseconds
        self.evidence = evidence
        self.tests = tests
        self.remoteImages = remoteImages
    }
}
