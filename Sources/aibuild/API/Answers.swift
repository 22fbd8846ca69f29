import BuildProtocol
import TextKit

// Responses of the API, as documented in docs/api.md. Only fields that are shown are listed, and
// those that an older or newer coordinator may omit are optional.

struct Page<Item: Decodable>: Decodable {
    var items: [Item]
    var next: String?
}

struct GuestOSAnswer: Decodable {
    struct Template: Codable {
        var kind: String
        var path, url, ref: String?

        func isSameRepository(as other: Template) -> Bool {
            kind == "git" && other.kind == "git" && url == other.url
        }
    }

    struct Grant: Decodable {
        var team, user: String?
        var right: String

        var words: String { (team.map { "team \($0)" } ?? "user \(user ?? "")") + ": \(right)" }
    }

    var name, type: String
    var distro, version, baseISO, owner, createdAt: String?
    var grants: [Grant]?
    var template: Template
    var templatePath: String?
    var variables: [String: String]?
    var gitlab: GitLabAnswer?
    var retired: Bool?
    var triggers: TriggerAnswer?
}

struct TriggerAnswer: Decodable {
    struct Schedule: Decodable {
        var cron, timeZone: String
        var jitterSeconds: Int
    }

    struct BaseImage: Decodable {
        var everySeconds: Int
    }

    struct Packages: Decodable {
        var sources: [String]
        var everySeconds: Int
    }

    struct Run: Decodable {
        var at, cause, outcome: String
        var build, reason: String?
    }

    var guestOS: String
    var schedule: Schedule?
    var parents: [String]?
    var baseImage: BaseImage?
    var packages: Packages?
    var maxAgeSeconds: Int?
    var nextRunAt: String?
    var lastRun: Run?
    var problem: String?
}

struct RemovalAnswer: Decodable {
    var retired: Bool
}

struct GitLabAnswer: Decodable {
    var guestOS: String
    var done: [String]?
    var problem: String?
}

struct ImportAnswer: Decodable {
    struct Count: Decodable {
        var sheet: String
        var new, changed, same: Int
    }

    var dryRun: Bool
    var sheets: [Count]
    var notices: [String]?
    var gitlab: [GitLabAnswer]?
}

struct ImportProblemAnswer: Decodable {
    struct Place: Decodable {
        var sheet, why: String
        var row: Int?
        var column, cell: String?
    }

    var detail: String
    var remedy: String?
    var problems: [Place]?
    var moreProblems: Int?
    var notices: [String]?
}

struct HostAnswer: Decodable {
    var name, address, state: String
    var hostKey, detail, agentVersion, packerVersion, qemuVersion: String?
    var packerPlugins: [String: [String]]?
    var drained: Bool?
    var drainNote, drainDeadlineAt: String?
    var slots, running, vcpus: Int?
    var memoryBytes, diskFreeBytes, diskTotalBytes: Int64?
    var accelerators, tags, notices: [String]?
    var variables: [String: String]?
    var clockSkewSeconds: Double?
}

struct ScanAnswer: Decodable { var address, hostKey, fingerprint: String }

struct BuildAnswer: Decodable {
    struct Image: Decodable {
        var name, url, sha256, format: String
        var sizeBytes: Int64
        var virtualSizeBytes: Int64?
    }

    struct Progress: Decodable {
        var what: String
        var doneBytes, totalBytes: Int64
    }

    var id, guestOS, state: String
    var number: Int
    var imageName, phase, owner, reason, host, attempt: String?
    var submittedAt, startedAt, endedAt: String?
    var priority, attemptCount: Int?
    var durationSeconds: Double?
    var cancelRequested, pinned: Bool?
    var prunedAt: String?
    var fault: Fault?
    var image: Image?
    var progress: Progress?
    var stage: String?
    // Of one build alone
    var attempts: [AttemptAnswer]?
    var tests: [TestAnswer]?
    var artifacts: [ArtifactAnswer]?
    var remoteImages: [RemoteImageAnswer]?
    var waiting: WaitingAnswer?
    var fingerprint: FingerprintAnswer?
    var end: RangeAnswer?
    var endReason: String?
    var plan: PlanAnswer?

    /// `debian12:7`, which every command takes.
    var label: String { "\(guestOS):\(number)" }
}

/// What else failed like a build.
struct FingerprintAnswer: Decodable { var words: String }

/// What was decided when the build was submitted.
struct PlanAnswer: Decodable {
    struct Recipe: Decodable {
        var baseImage: BaseImage?
        var variables: [String: String]?
        var values: [String: JSON]?
    }

    struct BaseImage: Decodable {
        var url: String
        var sha256, sha512, checksumURL: String?
    }

    var commit: String?
    var recipe: Recipe?
    /// Whether an image that passes is published; missing: it is.
    var publishes: Bool?
    /// As the template sets it.
    var retries: Int?
    /// Of variables that do not come from aibuild.yml.
    var variableOrigins: [String: String]?
}

struct AttemptAnswer: Decodable {
    var attempt, host: String
    var ordinal: Int
    var startedAt, endedAt, accelerator, stage: String?
    var outcome: Outcome?
    var logBytes: Int64?
    var hostVariables: [String: String]?
    var guest: GuestAnswer?
}

struct GuestAnswer: Decodable {
    var summary, serialTail, screenshot: String?
    var notes: [String]?
}

struct ArtifactAnswer: Decodable {
    var name, sha256, format: String
    var sizeBytes: Int64
}

struct RemoteImageAnswer: Decodable {
    var builder, state: String
    var id, removedAt, nextTryAt, problem: String?
}

struct TestAnswer: Decodable {
    var name, result: String
    var detail, log: String?
    var seconds: Double?
}

struct TestCaseAnswer: Decodable {
    struct Definition: Codable {
        var builtin, script, program: String?
        var times, limitSeconds: Int?

        /// Whether it defines what the case runs.
        var isWhole: Bool { builtin != nil || script != nil || program != nil }
    }

    var id, name, osType: String
    var definition: Definition?
}

struct WaitingAnswer: Decodable {
    struct Host: Decodable { var host, reason: String }

    var position: Int?
    var summary, remedy: String?
    var hosts: [Host]?
    var start: RangeAnswer?
    var etaSeconds: Int?
    var etaReason: String?

    /// Why it waits, and why nobody knows for how long.
    var reasons: String {
        [summary, etaSeconds == nil ? etaReason.map { "start unknown: \($0)" } : nil]
            .compactMap(\.self).joined(separator: "; ")
    }

    /// When it starts, or why nobody knows. An older coordinator gives no range.
    var startWords: String {
        start?.words ?? etaSeconds.map { "in " + Format.duration(Double($0)) }
            ?? "unknown: \(etaReason ?? "no estimate")"
    }
}

struct QueueItemAnswer: Decodable {
    var build: BuildAnswer
    var waiting: WaitingAnswer
}

struct StorageAnswer: Decodable {
    struct Row: Decodable { var table, id, reason: String }

    struct Amount: Decodable {
        var id, rule: String
        var items: Int
        var bytes: Int64?
    }

    var unusableRows: [Row]
    var measuredAt: String?
    var growing: [Amount]?
    var webRootFreeBytes: Int64?
}

struct SetupAnswer: Decodable {
    struct Item: Decodable {
        var problem, remedy: String
        var isGuess: Bool?
    }

    /// The other system that browsers sign in by.
    struct SignIn: Decodable {
        var label: String
        var reachedAt, problem, problemAt: String?
    }

    var problems: [Item]
    var signIn: SignIn?
}

struct VersionAnswer: Decodable { var version, `protocol`: String }
