public import BuildProtocol

/// Everything that a scheduling decision depends on, as values.
public struct World: Sendable {
    public var nowMilliseconds: Int64
    public var farm: Farm
    /// The builds that are due at `nowMilliseconds`.
    public var queue: BuildQueue
    /// Recent use of the farm by owner, in slot seconds, decayed to now.
    public var use: [String: Double]
    /// Free bytes of the web root, minus what running builds will need; `nil`: not known.
    public var webRootFreeBytes: Int64?
    /// By guest OS. Only explanations need it.
    public var usual: [String: UsualDurations]

    public init(
        nowMilliseconds: Int64, farm: Farm, queue: BuildQueue, use: [String: Double] = [:],
        webRootFreeBytes: Int64? = nil, usual: [String: UsualDurations] = [:]
    ) {
        self.nowMilliseconds = nowMilliseconds
        self.farm = farm
        self.queue = queue
        self.use = use
        self.webRootFreeBytes = webRootFreeBytes
        self.usual = usual
    }

    /// Those that run, then those that are queued.
    public var guestOSes: [String] {
        let running = Set(farm.running.values.map(\.guestOS))
        let queued = Set(queue.ready.compactMap(\.first?.guestOS))
            .union(queue.later.values.map(\.guestOS))
        return running.sorted() + queued.subtracting(running).sorted()
    }
}

public struct HostView: Sendable, Hashable {
    public enum Availability: Sendable, Hashable {
        case ready
        /// Not connected; the sentence says why.
        case away(String)
        case drained
        case quarantined(remainingMilliseconds: Int64, String)
    }

    public var name: String
    public var availability: Availability
    /// The last report; `nil` if the host has not connected since the coordinator started.
    public var report: HostReport?
    /// Drained and connected: it still tests images that were begun there and that no other host
    /// can test.
    public var finishesTests: Bool
    /// Why it is drained; may be empty.
    public var drainNote: String
    /// Versions of the plugins that the coordinator hands out to it, by source.
    public var handedOut: [String: [String]] = [:]

    public init(
        name: String, availability: Availability, report: HostReport?, finishesTests: Bool = false,
        drainNote: String = ""
    ) {
        self.name = name
        self.availability = availability
        self.report = report
        self.finishesTests = finishesTests
        self.drainNote = drainNote
    }

    /// The last report, as it will be once the host has what the coordinator hands out.
    var expected: HostReport? {
        guard var report, !handedOut.isEmpty else { return report }
        for (source, versions) in handedOut {
            report.packerPlugins?[source, default: []].append(contentsOf: versions)
        }
        return report
    }

    /// A drained host is no alternative to another, nor is an unreachable one: it may be gone for
    /// good, and a build would wait for ever. A quarantine ends by itself.
    var isInService: Bool {
        switch availability {
        case .ready, .quarantined: true
        case .away, .drained: false
        }
    }

    /// `is drained: new disks`
    var drainReason: String { "is drained" + (drainNote.isEmpty ? "" : ": \(drainNote)") }

    /// What remains of its quarantine.
    public var quarantineMilliseconds: Int64? {
        if case .quarantined(let remaining, _) = availability { remaining } else { nil }
    }
}

public struct QueuedBuild: Sendable, Hashable {
    public var id: String
    /// The stage that is queued: the build, or the test of its image.
    public var stage: BuildStage
    public var guestOS: String
    public var owner: String
    public var priority: Int
    public var submittedMilliseconds: Int64
    public var notBeforeMilliseconds: Int64
    public var requirements: Requirements
    public var concurrency: Int?
    /// Hosts where an attempt of this stage met an infrastructure fault.
    public var failedHosts: Set<String>
    public var baseImageSHA256: String?
    /// The abilities that an agent needs to test the image.
    public var testAbilities: Set<TestAbility>
    /// Those that it needs to make the image.
    public var buildAbilities: Set<BuildAbility>
    /// What the template asks of a host; nothing in the test stage.
    public var needs: BuildNeeds
    /// In the test stage: the host of the last attempt, which may be draining and finish it.
    public var begunOn: String?
    /// In the build stage: what the test of its image will need; `nil` if none follows.
    public var tests: Requirements?

    public init(
        id: String, stage: BuildStage = .build, guestOS: String, owner: String, priority: Int,
        submittedMilliseconds: Int64, notBeforeMilliseconds: Int64 = 0,
        requirements: Requirements, concurrency: Int? = nil,
        failedHosts: Set<String> = [], baseImageSHA256: String? = nil,
        testAbilities: Set<TestAbility> = [], buildAbilities: Set<BuildAbility> = [],
        needs: BuildNeeds = BuildNeeds(), begunOn: String? = nil, tests: Requirements? = nil
    ) {
        self.id = id
        self.stage = stage
        self.guestOS = guestOS
        self.owner = owner
        self.priority = priority
        self.submittedMilliseconds = submittedMilliseconds
        self.notBeforeMilliseconds = notBeforeMilliseconds
        self.requirements = requirements
        self.concurrency = concurrency
        self.failedHosts = failedHosts
        self.baseImageSHA256 = baseImageSHA256
        self.testAbilities = testAbilities
        self.buildAbilities = buildAbilities
        self.needs = needs
        self.begunOn = begunOn
        self.tests = tests
    }
}

public struct RunningBuild: Sendable, Hashable {
    public var id: String
    public var stage: BuildStage
    public var guestOS: String
    public var owner: String
    /// `nil` once nothing of it runs on a host any more (its image is being published).
    public var host: String?
    public var requirements: Requirements
    public var startedMilliseconds: Int64
    /// In the build stage: what the test of its image will need; `nil` if none follows.
    public var tests: Requirements?
    public var priority: Int
    /// `nil` if nobody knows.
    public var submittedMilliseconds: Int64?

    public init(
        id: String, stage: BuildStage = .build, guestOS: String, owner: String, host: String?,
        requirements: Requirements, startedMilliseconds: Int64, tests: Requirements? = nil,
        priority: Int = 0, submittedMilliseconds: Int64? = nil
    ) {
        self.priority = priority
        self.submittedMilliseconds = submittedMilliseconds
        self.id = id
        self.stage = stage
        self.guestOS = guestOS
        self.owner = owner
        self.host = host
        self.requirements = requirements
        self.startedMilliseconds = startedMilliseconds
        self.tests = tests
    }
}

/// A decision, which the Service carries out.
public enum Decision: Sendable, Hashable {
    case start(build: String, host: String)
    /// No host can ever take it.
    case fail(build: String, Fault)
    /// Nothing more to do for this long, unless something happens. A duration, because the wall
    /// clock may be set back between the decision and its effect.
    case wake(afterMilliseconds: Int64)
}
