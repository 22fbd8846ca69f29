// The bodies of the messages. Each is idempotent: sent twice, it does no harm.

/// First message of each side. The agent's names its host, its room and the attempts it holds, so
/// that the coordinator can reconcile after any interruption.
public struct CoordinatorHello: Sendable, Hashable, Codable {
    public var version: ProtocolVersion
    /// Of the coordinator's lease. An agent takes no session whose epoch is below the highest that
    /// it has heard, and ends those that it has when it hears a higher one. Absent: 0.
    public var epoch: Int64?

    public init(version: ProtocolVersion = .current, epoch: Int64? = nil) {
        self.version = version
        self.epoch = epoch
    }
}

public struct AgentHello: Sendable, Hashable, Codable {
    public var version: ProtocolVersion
    public var agentVersion: String
    public var host: HostReport
    public var attempts: [AttemptSummary]
    /// Digests of the template archives on the agent's disk.
    public var templates: [String]

    public init(
        version: ProtocolVersion = .current, agentVersion: String, host: HostReport,
        attempts: [AttemptSummary], templates: [String]
    ) {
        self.version = version
        self.agentVersion = agentVersion
        self.host = host
        self.attempts = attempts
        self.templates = templates
    }
}

/// What a host has and how much of it is free. Sent in `hello` and whenever it changes notably.
public struct HostReport: Sendable, Hashable, Codable {
    public var slots: Int
    public var vcpus: Int
    public var memoryBytes: Int64
    /// Room for new attempts on the disk of the agent's state folder, what others hold subtracted.
    public var diskFreeBytes: Int64
    public var diskTotalBytes: Int64
    public var accelerators: Set<Accelerator>
    public var tags: Set<String>
    /// Digests of cached base images.
    public var baseImages: [String]
    public var packerVersion: String?
    public var qemuVersion: String?
    /// Whether the agent can test images; an older one says nothing of it, and cannot.
    public var runsTests: Bool?
    /// `TestAbility`, in words: a newer agent may name some that are not known here.
    public var testAbilities: [String]?
    /// The host's wall clock when the report was made; the coordinator reports a clock that is off.
    public var unixMilliseconds: Int64
    /// Things an operator should know (`/dev/kvm exists but guests hang under it …`).
    public var notices: [String]

    public init(
        slots: Int, vcpus: Int, memoryBytes: Int64, diskFreeBytes: Int64, diskTotalBytes: Int64,
        accelerators: Set<Accelerator>, tags: Set<String>, baseImages: [String] = [],
        packerVersion: String? = nil, qemuVersion: String? = nil, runsTests: Bool? = nil,
        testAbilities: [String]? = nil, unixMilliseconds: Int64, notices: [String] = []
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
        self.unixMilliseconds = unixMilliseconds
        self.notices = notices
    }
}

public struct AttemptSummary: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var state: AttemptState
    /// Size of `log.ndjson` on the agent's disk.
    public var logBytes: Int64

    public init(attempt: AttemptToken, state: AttemptState, logBytes: Int64) {
        self.attempt = attempt
        self.state = state
        self.logBytes = logBytes
    }
}

/// Begins an attempt. Answered with `phase accepted`, or `error` if the host will not take it.
public struct Start: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var build: BuildDescription
    public var template: TemplateArchive
    public var recipe: BuildRecipe
    public var requirements: Requirements
    public var limits: AttemptLimits

    public init(
        attempt: AttemptToken, build: BuildDescription, template: TemplateArchive,
        recipe: BuildRecipe, requirements: Requirements, limits: AttemptLimits
    ) {
        self.attempt = attempt
        self.build = build
        self.template = template
        self.recipe = recipe
        self.requirements = requirements
        self.limits = limits
    }
}

/// What the build is called, for variables, folders and logs on the host.
public struct BuildDescription: Sendable, Hashable, Codable {
    public var id: String
    public var guestOS: String
    public var number: Int
    /// `<name>x86_64_<yyyymmdd>_<number>`, no extension.
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

/// Asks for the log from `cursor` on, and for the `finished` message once the log is at its end.
/// A second `follow` of the same attempt replaces the first: it is the rewind.
public struct Follow: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var cursor: Int64
    public init(attempt: AttemptToken, cursor: Int64) {
        self.attempt = attempt
        self.cursor = cursor
    }
}

/// The acknowledgement after which the agent may delete everything of the attempt. A running
/// attempt that is forgotten is killed first: nobody waits for it.
public struct Forget: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public init(attempt: AttemptToken) { self.attempt = attempt }
}

public struct Ping: Sendable, Hashable, Codable {
    public var id: Int64
    public init(id: Int64) { self.id = id }
}

public struct Phase: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var state: AttemptState
    /// For a person: "fetching base image, 40 %".
    public var detail: String?
    public init(attempt: AttemptToken, state: AttemptState, detail: String? = nil) {
        self.attempt = attempt
        self.state = state
        self.detail = detail
    }
}

/// A piece of `log.ndjson` as it stands on the agent's disk: whole lines, from byte `cursor`.
public struct LogChunk: Sendable, Hashable, Codable {
    public var attempt: AttemptToken
    public var cursor: Int64
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
    public var logBytes: Int64
    public var logSHA256: String
    public var artifacts: [Artifact]
    public var accelerator: Accelerator?
    public var startedUnixMilliseconds: Int64
    public var endedUnixMilliseconds: Int64
    /// What was seen of the guest of an attempt that did not pass, where there was one.
    public var evidence: GuestEvidence?
    /// One for each test case that was begun, in order; only of an attempt that tests.
    public var tests: [TestResult]?

    public init(
        attempt: AttemptToken, outcome: Outcome, logBytes: Int64, logSHA256: String,
        artifacts: [Artifact], accelerator: Accelerator? = nil, startedUnixMilliseconds: Int64,
        endedUnixMilliseconds: Int64, evidence: GuestEvidence? = nil, tests: [TestResult]? = nil
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
    }
}

/// A file that an attempt made.
public struct Artifact: Sendable, Hashable, Codable {
    /// A plain file name (`Names.isFileName`), unique in its attempt.
    public var name: String
    public var sizeBytes: Int64
    public var sha256: String
    public var format: ImageFormat
    public var virtualSizeBytes: Int64?
    /// SHA-256 of each `ProtocolLimits.artifactChunkBytes`, in order.
    public var chunkSHA256: [String]

    public init(
        name: String, sizeBytes: Int64, sha256: String, format: ImageFormat,
        virtualSizeBytes: Int64? = nil, chunkSHA256: [String] = []
    ) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.format = format
        self.virtualSizeBytes = virtualSizeBytes
        self.chunkSHA256 = chunkSHA256
    }
}

/// Something the other side asked for could not be done.
public struct ErrorReport: Sendable, Hashable, Codable {
    public enum Code: String, Sendable, Codable, CaseIterable {
        /// Major protocol mismatch; the session ends.
        case version
        /// A coordinator of a higher epoch leads; the session ends.
        case deposed
        /// The line was no JSON object, too long, or a field was wrong. The session goes on.
        case malformed
        /// A type of message that this side does not know. The session goes on.
        case unknownType
        /// `start` named a template archive that is not on the agent's disk: deliver it, send
        /// `start` again.
        case templateMissing
        /// `start` is refused: no slot, disk or memory now.
        case refused
        /// The agent does not know the attempt (any more).
        case unknownAttempt
        /// The agent's daemon does not run; said by the gate.
        case noDaemon
        case `internal`
    }

    public var code: Code
    public var message: String
    public var attempt: AttemptToken?

    public init(code: Code, message: String, attempt: AttemptToken? = nil) {
        self.code = code
        self.message = message
        self.attempt = attempt
    }
}
