import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum RetentionRoutes {
    static func add(to router: inout Router, _ api: APIContext) {
        router.on(
            "GET", "/api/v1/retention",
            query: [
                "good_images", "failed_days", "unpublished_days", "minimum_free", "audit_days",
                "history_days",
            ]
        ) { request, _ in
            let change = try change(request.query)
            return try .json(
                RetentionView(try await RetentionPlan(ports: api.ports).report(change)))
        }
        router.on("POST", "/api/v1/retention/enable") { request, _ in
            try .json(
                RetentionView(try await api.leader().retention.enable(by: api.actor(request))))
        }
        router.on("POST", "/api/v1/retention") { request, _ in
            try .json(RetentionView(try await api.leader().retention.run(by: api.actor(request))))
        }
    }
}

extension RetentionRoutes {
    /// A policy to ask about, in the words of coordinator.yml.
    fileprivate static func change(_ query: HTTPQuery) throws -> RetentionPolicyChange {
        func number(_ name: String, _ range: ClosedRange<Int64>) throws -> Int64? {
            guard let text = query[name] else { return nil }
            guard let number = Int64(text), range.contains(number) else {
                throw Problem.badRequest(
                    "\(name) is '\(text.prefix(20))'",
                    remedy: "Use a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        func small(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
            try number(name, Int64(range.lowerBound)...Int64(range.upperBound)).map { Int($0) }
        }
        typealias Bounds = RetentionPolicy.Bounds
        return RetentionPolicyChange(
            goodImages: try small("good_images", Bounds.goodImages),
            failedDays: try small("failed_days", Bounds.failedDays),
            unpublishedDays: try small("unpublished_days", Bounds.unpublishedDays),
            minimumFreeBytes: try number("minimum_free", Bounds.minimumFreeBytes),
            auditDays: try small("audit_days", Bounds.auditDays),
            historyDays: try small("history_days", Bounds.historyDays))
    }
}

/// The response for a build whose image and logs the retention policy removed.
enum Gone {
    static func problem(_ build: Build) -> Problem? {
        guard let pruned = build.prunedMilliseconds else { return nil }
        return Problem(
            status: 410,
            detail: "The retention policy removed image and logs of build "
                + "\(build.guestOS):\(build.number) on \(Time.text(pruned))",
            remedy: "Build it again: aibuild build \(build.guestOS)")
    }

    /// - Parameter path: `/images/build/<guest OS>/<image name>…`; nothing is there.
    static func problem(_ path: String, _ api: APIContext) async throws -> Problem? {
        let parts = path.split(separator: "/")
        guard parts.count == 4 else { return nil }
        // The number follows the last underscore of the image name.
        let name = parts[3].split(whereSeparator: { $0 == "." || $0 == "-" }).first ?? ""
        guard let number = name.split(separator: "_").last.flatMap({ Int($0) }),
            let build = try await api.ports.store.build(
                guestOS: String(parts[2]), number: number),
            parts[3].hasPrefix(build.imageName)
        else { return nil }
        return problem(build)
    }
}
