import BuildProtocol
import CoordinatorCore
import CoordinatorService
import FoundationEssentials
import TextKit

// Responses of the API, as documented in docs/api.md. Times are RFC 3339.

struct GuestOSView: Encodable {
    var id, name, type, distro, version, baseISO, owner, createdAt: String
    var template: TemplateSource
    var templatePath: String?
    var variables: [String: String]
    var gitlab: TemplateServerReport?
    /// Only if it is.
    var retired: Bool?
    /// Only if there are some.
    var grants: [GrantView]?
    /// Only if there is something; a standby shows no next run.
    var triggers: TriggerView?

    init(_ registration: GuestOSCatalog.Registration) {
        self.init(registration.guestOS)
        gitlab = registration.server
    }

    init(_ guestOS: GuestOS) {
        id = guestOS.id
        name = guestOS.name
        type = guestOS.type.rawValue
        distro = guestOS.distro
        version = guestOS.version
        baseISO = guestOS.baseISO
        owner = guestOS.owner
        createdAt = Time.text(guestOS.createdMilliseconds)
        template = guestOS.template.shown
        templatePath = guestOS.templatePath
        variables = guestOS.variables
        retired = guestOS.isRetired ? true : nil
        grants = guestOS.grants.isEmpty ? nil : guestOS.grants.map { GrantView($0) }
    }
}

struct HostSnapshotView: Encodable {
    var name, address, hostKey, state, detail: String
    var drained: Bool
    var drainNote, drainDeadlineAt: String?
    var running: Int
    var slots, vcpus: Int?
    var memoryBytes, diskFreeBytes, diskTotalBytes: Int64?
    var accelerators, tags, notices: [String]
    var variables: [String: String]
    var agentVersion, packerVersion, qemuVersion: String?
    var packerPlugins: [String: [String]]?
    var clockSkewSeconds: Double

    init(_ snapshot: HostSnapshot) {
        name = snapshot.host.name
        address = snapshot.host.address
        hostKey = snapshot.host.hostKey
        state = snapshot.state
        detail = snapshot.detail
        drained = snapshot.host.drain != nil
        drainNote = snapshot.host.drain.flatMap { $0.note.isEmpty ? nil : $0.note }
        drainDeadlineAt = snapshot.host.drain?.deadlineMilliseconds.map(Time.text)
        running = snapshot.running
        slots = snapshot.report?.slots
        vcpus = snapshot.report?.vcpus
        memoryBytes = snapshot.report?.memoryBytes
        diskFreeBytes = snapshot.report?.diskFreeBytes
        diskTotalBytes = snapshot.report?.diskTotalBytes
        accelerators = snapshot.report?.accelerators.sorted().map(\.rawValue) ?? []
        tags = snapshot.report?.tags.sorted() ?? []
        notices = (snapshot.report?.notices ?? []) + Self.notices(snapshot.othersWithHostKey)
        variables = snapshot.host.variables
        agentVersion = snapshot.agentVersion
        packerVersion = snapshot.report?.packerVersion
        packerPlugins = snapshot.report?.packerPlugins
        qemuVersion = snapshot.report?.qemuVersion
        clockSkewSeconds = Double(snapshot.clockSkewMilliseconds) / 1000
    }
}

extension HostSnapshotView {
    private static func notices(_ othersWithHostKey: [String]) -> [String] {
        guard !othersWithHostKey.isEmpty else { return [] }
        return [
            "it has the same host key as \(othersWithHostKey.joined(separator: ", ")). If they are "
                + "one machine, remove one name: aibuild host remove NAME. If one is a copy of the "
                + "other, give it a key of its own (ssh-keygen -A), then: aibuild host change NAME"
        ]
    }
}

struct BuildView: Encodable {
    struct Progress: Encodable {
        var what: String
        var doneBytes, totalBytes: Int64
    }

    var id, guestOS, imageName, state, stage, owner, reason, submittedAt: String
    var number, priority, attemptCount: Int
    var phase, host, startedAt, endedAt: String?
    var attempt: AttemptToken?
    var durationSeconds: Double?
    var cancelRequested, pinned: Bool
    /// When its image and logs were removed.
    var prunedAt: String?
    var fault: Fault?
    var image: PublishedImage?
    var progress: Progress?

    init(_ build: Build, _ live: LiveDetail = LiveDetail()) {
        id = build.id
        guestOS = build.guestOS
        number = build.number
        imageName = build.imageName
        state = build.state.rawValue
        stage = build.stage.rawValue
        owner = build.owner
        reason = build.updateContents
        priority = build.priority
        attemptCount = build.attemptCount
        host = build.host
        attempt = build.attempt
        submittedAt = Time.text(build.submittedMilliseconds)
        startedAt = build.startedMilliseconds.map(Time.text)
        endedAt = build.endedMilliseconds.map(Time.text)
        if let start = build.startedMilliseconds, let end = build.endedMilliseconds {
            durationSeconds = Double(end - start) / 1000
        }
        cancelRequested = build.cancelRequested
        pinned = build.isPinned
        prunedAt = build.prunedMilliseconds.map(Time.text)
        fault = build.fault
        image = build.image
        phase = live.phase
        if let done = live.doneBytes, let total = live.totalBytes {
            progress = Progress(what: live.phase ?? "", doneBytes: done, totalBytes: total)
        }
    }
}

struct AttemptView: Encodable {
    var attempt: AttemptToken
    var ordinal: Int
    var stage, host, startedAt: String
    var endedAt: String?
    var outcome: Outcome?
    var logBytes: Int64?
    var logSHA256: String?
    var accelerator: Accelerator?
    /// Only if there are some.
    var hostVariables: [String: String]?
    var guest: GuestView?

    init(_ attempt: Attempt, _ evidence: GuestEvidence? = nil) {
        guest = evidence.map { GuestView($0, of: attempt.token) }
        self.attempt = attempt.token
        ordinal = attempt.ordinal
        stage = attempt.stage.rawValue
        host = attempt.host
        startedAt = Time.text(attempt.startedMilliseconds)
        endedAt = attempt.endedMilliseconds.map(Time.text)
        outcome = attempt.outcome
        logBytes = attempt.logBytes
        logSHA256 = attempt.logSHA256
        accelerator = attempt.accelerator
        hostVariables = attempt.hostVariables.isEmpty ? nil : attempt.hostVariables
    }
}

struct ArtifactView: Encodable {
    var name, sha256, format: String
    var sizeBytes: Int64
    var virtualSizeBytes: Int64?

    init(_ artifact: Artifact) {
        name = artifact.name
        sha256 = artifact.sha256
        format = artifact.format.rawValue
        sizeBytes = artifact.sizeBytes
        virtualSizeBytes = artifact.virtualSizeBytes
    }
}

struct RemoteImageView: Encodable {
    /// What is known of its removal.
    enum State: String, Encodable {
        case kept, removing, removed
        /// It is to be removed, and the coordinator does not know how.
        case unwanted
    }

    var attempt, builder, type: String
    var id: String?
    var state: State
    var removedAt, nextTryAt, problem: String?

    init(_ recorded: RecordedImage, isRemovable: Bool) {
        attempt = recorded.attempt.text
        builder = recorded.image.builder
        type = recorded.image.type
        id = recorded.image.id
        removedAt = recorded.removedMilliseconds.map(Time.text)
        problem = recorded.problem
        if removedAt != nil {
            state = .removed
        } else if let next = recorded.removeMilliseconds {
            state = isRemovable ? .removing : .unwanted
            nextTryAt = isRemovable ? Time.text(next) : nil
        } else {
            state = .kept
        }
    }
}

/// `BuildView` and the details of a single build, in one object.
struct BuildDetailView: Encodable {
    var build: BuildView
    var attempts: [AttemptView]
    var artifacts: [ArtifactView]
    var remoteImages: [RemoteImageView]
    var tests: [TestView]
    var waiting: Waiting?
    var end: Expected?
    var fingerprint: FailureView?
    var plan: BuildPlan

    private enum Key: String, CodingKey {
        case attempts, artifacts, remoteImages, tests, waiting, plan, end, endReason, fingerprint
    }

    func encode(to encoder: any Encoder) throws {
        try build.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(attempts, forKey: .attempts)
        try container.encode(artifacts, forKey: .artifacts)
        try container.encode(remoteImages, forKey: .remoteImages)
        try container.encode(tests, forKey: .tests)
        try container.encodeIfPresent(waiting, forKey: .waiting)
        try container.encodeIfPresent(fingerprint, forKey: .fingerprint)
        switch end {
        case .range(let range, _)?: try container.encode(range, forKey: .end)
        case .unknown(let why)?: try container.encode(why, forKey: .endReason)
        case nil: break
        }
        try container.encode(plan, forKey: .plan)
    }
}

struct QueueItemView: Encodable {
    var build: BuildView
    var waiting: Waiting
}

struct ListView<Item: Encodable>: Encodable {
    var items: [Item]
    var next: String?
}

enum Time {
    static func text(_ unixMilliseconds: Int64) -> String {
        UTCTime(unixMilliseconds: unixMilliseconds).rfc3339Milliseconds
    }

    /// Of a time as the API writes them, or of the beginning of a day in UTC: `2026-11-30`.
    static func milliseconds(_ text: String) -> Int64? {
        if let date = Date(rfc3339: text) {
            let seconds = date.timeIntervalSince1970
            guard seconds >= 0, seconds < 1e10 else { return nil }
            return Int64((seconds * 1000).rounded())
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard text.utf8.count == 10, parts.count == 3, let year = parts[0], let month = parts[1],
            let day = parts[2]
        else { return nil }
        return CivilDate(year: year, month: month, day: day)?.unixMilliseconds
    }
}
