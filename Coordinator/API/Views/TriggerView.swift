import CoordinatorCore
import CoordinatorService

/// What builds a guest OS without a push or a person. Times are RFC 3339.
struct TriggerView: Encodable {
    struct Schedule: Encodable {
        var cron, timeZone: String
        var jitterSeconds: Int
    }

    struct BaseImage: Encodable {
        var everySeconds: Int
        var checkedAt: String?
    }

    struct Packages: Encodable {
        var sources: [String]
        var everySeconds: Int
        var checkedAt: String?
    }

    struct Run: Encodable {
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

    init(_ report: TriggerReport) {
        guestOS = report.guestOS
        schedule = report.plan.schedule.map {
            Schedule(cron: $0.cron, timeZone: $0.timeZone, jitterSeconds: $0.jitterSeconds)
        }
        parents = report.plan.parents.isEmpty ? nil : report.plan.parents
        baseImage = report.plan.baseImage.map {
            BaseImage(
                everySeconds: $0.everySeconds,
                checkedAt: report.baseImageCheckedMilliseconds.map(Time.text))
        }
        packages = report.plan.packages.map {
            Packages(
                sources: $0.sources.map(\.text), everySeconds: $0.everySeconds,
                checkedAt: report.packagesCheckedMilliseconds.map(Time.text))
        }
        maxAgeSeconds = report.plan.maxAgeSeconds
        nextRunAt = report.nextMilliseconds.map(Time.text)
        lastRun = report.last.map {
            Run(
                at: Time.text($0.atMilliseconds), cause: $0.cause, outcome: $0.outcome.rawValue,
                build: $0.build, reason: $0.reason)
        }
        problem = report.problem
    }
}
