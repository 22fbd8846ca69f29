import ArgumentKit
import TextKit

/// `aibuild schedules`, and what `aibuild guestos show` says of triggers.
enum ScheduleCommands {
    static let all = [list]

    private static let list = Command(
        name: "schedules", summary: "List what is built by time, parents, base images and age",
        options: CommandContext.pageOptions,
        details: [
            "By the next run. Templates are read for their schedules after each push, and about",
            "once an hour without one.",
        ],
        examples: ["aibuild schedules"],
        run: { context in
            let body = try await context.api.get("/api/v1/schedules", query: context.pageQuery)
            return try context.show(body, as: Page<TriggerAnswer>.self) { page in
                var table = Table(
                    "GUEST OS", "NEXT RUN", "TRIGGERS", "LAST RUN", "NOTE", spare: ["LAST RUN"])
                for item in page.items {
                    table.add(
                        .init(item.guestOS, .bold),
                        .init(item.nextRunAt.map { Format.time($0) } ?? "-"),
                        .init(item.triggers.map { "\($0.0) \($0.1)" }.joined(separator: "; ")),
                        .init(item.last ?? "-"), .init(item.problem ?? ""))
                }
                context.print(
                    table,
                    orElse: "Nothing is built by time. Give a template a schedule: see "
                        + "docs/triggers.md")
                context.printMore(page.next)
            }
        })
}

extension TriggerAnswer {
    /// Each trigger with its value.
    var triggers: [(String, String)] {
        var triggers: [(String, String)] = []
        if let schedule {
            let jitter =
                schedule.jitterSeconds > 0
                ? ", up to \(DurationText.text(schedule.jitterSeconds)) later" : ""
            triggers.append(("schedule", "\(schedule.cron) (\(schedule.timeZone))\(jitter)"))
        }
        if let parents { triggers.append(("parent", parents.joined(separator: ", "))) }
        if let baseImage {
            triggers.append(
                ("base image", "looked at every \(DurationText.text(baseImage.everySeconds))"))
        }
        if let packages {
            triggers.append(
                (
                    "packages",
                    "of \(packages.sources.joined(separator: ", ")), looked at every "
                        + DurationText.text(packages.everySeconds)
                ))
        }
        if let maxAgeSeconds { triggers.append(("max age", DurationText.text(maxAgeSeconds))) }
        return triggers
    }

    /// What the last run came to.
    var last: String? {
        lastRun.map { run in
            let result = run.build ?? run.outcome
            return "\(Format.time(run.at)) \(run.cause): \(result)"
                + (run.reason.map { ", \($0)" } ?? "")
        }
    }

    /// For `aibuild guestos show`.
    var details: [(String, String?)] {
        triggers.map { ($0.0, $0.1) } + [
            ("next run", nextRunAt.map { Format.time($0) }), ("last run", last),
            ("problem", problem),
        ]
    }
}
