import BuildProtocol
import CoordinatorCore
import SQLKit

/// A build as a row of `builds`: one list of columns, from which every statement is made.
enum BuildRow {
    /// Set once, when the build is submitted.
    private static let fixed = [
        "id", "guestos_id", "guestos", "number", "priority", "owner", "plan", "update_contents",
        "submitted_ms",
    ]
    private static let changeable = [
        "state", "stage", "live", "not_before_ms", "started_ms", "ended_ms", "attempt", "host",
        "attempt_count", "cancel_requested", "fault_class", "fault_code", "fault_reason", "image",
    ]

    /// Changed by their own statements.
    private static let kept = ["pinned", "pruned_ms"]

    static let select =
        "SELECT " + (fixed + changeable + kept).joined(separator: ", ") + " FROM builds"

    static let insert =
        "INSERT INTO builds (" + (fixed + changeable).joined(separator: ", ") + ") VALUES ("
        + (fixed + changeable).map { _ in "?" }.joined(separator: ", ") + ")"

    static let update =
        "UPDATE builds SET " + changeable.map { "\($0) = ?" }.joined(separator: ", ")
        + " WHERE id = ?"

    static func insertValues(_ build: Build) throws -> [SQLValue] {
        [
            .text(build.id), .text(build.guestOSID), .text(build.guestOS), .int(build.number),
            .int(build.priority), .text(build.owner), try StoredJSON.encode(build.plan),
            .text(build.updateContents), .int(build.submittedMilliseconds),
        ] + (try changeableValues(build))
    }

    static func updateValues(_ build: Build) throws -> [SQLValue] {
        try changeableValues(build) + [.text(build.id)]
    }

    private static func changeableValues(_ build: Build) throws -> [SQLValue] {
        [
            .text(build.state.rawValue), .text(build.stage.rawValue), .bool(!build.state.isEnded),
            .int(build.notBeforeMilliseconds), .int(orNull: build.startedMilliseconds),
            .int(orNull: build.endedMilliseconds), .text(orNull: build.attempt?.text),
            .text(orNull: build.host), .int(build.attemptCount), .bool(build.cancelRequested),
        ] + FaultColumns.values(build.fault) + [try build.image.map(StoredJSON.encode) ?? .null]
    }

    static func build(_ row: SQLRow) throws -> Build {
        try build(row) { try StoredJSON.decode(BuildPlan.self, $0) }
    }

    static func build(_ row: SQLRow, plan: (String) throws -> BuildPlan) throws -> Build {
        let state = try row.text("state")
        guard let state = BuildState(rawValue: state) else {
            throw SQLError(
                .unexpectedValue,
                "build \(try row.text("id")) is in the unknown state '\(state)': upgrade this "
                    + "aibuild")
        }
        let attempt = try row.textOrNil("attempt").flatMap(AttemptToken.init)
        let host = try row.textOrNil("host")
        guard state == .queued || state.isEnded || attempt != nil && host != nil else {
            throw SQLError(
                .unexpectedValue, "it is \(state.rawValue), without an attempt on a host")
        }
        return Build(
            id: try row.text("id"), guestOSID: try row.text("guestos_id"),
            guestOS: try row.text("guestos"), number: try row.int("number"), state: state,
            stage: try StageColumn.stage(row), priority: try row.int("priority"),
            owner: try row.text("owner"),
            plan: try plan(row.text("plan")),
            updateContents: try row.text("update_contents"),
            submittedMilliseconds: try row.int64("submitted_ms"),
            notBeforeMilliseconds: try row.int64("not_before_ms"),
            startedMilliseconds: try row.int64OrNil("started_ms"),
            endedMilliseconds: try row.int64OrNil("ended_ms"),
            attempt: attempt, host: host, attemptCount: try row.int("attempt_count"),
            cancelRequested: try row.bool("cancel_requested"), fault: try FaultColumns.fault(row),
            image: try row.textOrNil("image").map {
                try StoredJSON.decode(PublishedImage.self, $0)
            }, isPinned: try row.bool("pinned"),
            prunedMilliseconds: try row.int64OrNil("pruned_ms"))
    }
}

/// A stage, in the tables of builds and of attempts.
enum StageColumn {
    static func stage(_ row: SQLRow) throws -> BuildStage {
        let word = try row.text("stage")
        guard let stage = BuildStage(rawValue: word) else {
            throw SQLError(
                .unexpectedValue,
                "unknown stage '\(word)': upgrade this aibuild")
        }
        return stage
    }
}

/// The three columns that hold a fault.
enum FaultColumns {
    static func values(_ fault: Fault?) -> [SQLValue] {
        [
            .text(orNull: fault?.class.rawValue), .text(orNull: fault?.code.rawValue),
            .text(orNull: fault?.reason),
        ]
    }

    static func fault(_ row: SQLRow) throws -> Fault? {
        guard let word = try row.textOrNil("fault_class") else { return nil }
        // A class of a newer aibuild: retried rather than blamed on the template.
        return Fault(
            FaultClass(rawValue: word) ?? .infrastructure,
            FaultCode(rawValue: try row.text("fault_code")), try row.text("fault_reason"))
    }
}
