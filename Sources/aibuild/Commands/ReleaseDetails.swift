import ArgumentKit

/// `aibuild release show` and `cancel`: one release, and what it left.
enum ReleaseDetails {
    static let show = Command(
        name: "release show", summary: "Show a release, its tries and what it left",
        operands: ["RELEASE"],
        details: [
            "RELEASE is what 'aibuild releases' lists, the beginning of an ID, or",
            "GUESTOS:NUMBER@ENV (also GUESTOS:latest@ENV) for the newest one of that build there.",
        ],
        examples: ["aibuild release show debian12:7@lab", "aibuild release show 86c77daa"],
        run: { context in
            let body = try await context.api.get(APIClient.release(context.arguments.operands[0]))
            return try context.show(body, as: ReleaseAnswer.self) { print($0, context) }
        })

    private static func print(_ release: ReleaseAnswer, _ context: CommandContext) {
        let isOver = release.hasEnded
        context.print(
            [
                ("release", release.id),
                (release.action == "rollback" ? "rolls back" : "image", release.label),
                ("to", release.environment), ("state", release.status), ("try", release.tryText),
                ("reason", release.fault),
                ("doing", isOver ? nil : release.progress?.what),
                ("requested", "\(Format.time(release.createdAt)) by \(release.requestedBy ?? "?")"),
                ("approved by", release.approvedBy),
                ("started", release.startedAt.map(Format.time)),
                ("ended", release.endedAt.map(Format.time)),
                ("given up at", isOver ? nil : release.deadlineAt.map(Format.time)),
                ("remote ID", release.remoteID), ("abandoned by", release.abandonedBy),
            ] + (release.notes ?? []).map { ("note", $0) }
                + (release.leftBehind ?? []).map { (isOver ? "left there" : "takes back", $0) })
        if release.phase == "cleaningUp" { context.console.out(letGo(release)) }
    }

    static let cancel = Command(
        name: "release cancel", summary: "Cancel a release and undo what it has done so far",
        operands: ["RELEASE"],
        options: [
            CommandOption(
                "abandon", "end it now and leave there what it cannot take back, which is listed")
        ],
        details: [
            "What waits ends at once; what runs, as soon as its step can be left. Then what it has",
            "begun in the environment is taken back, in up to eight tries. If the environment is",
            "gone for good, let go of it with --abandon.",
        ],
        examples: [
            "aibuild release cancel debian12:7@lab",
            "aibuild release cancel debian12:7@lab --abandon",
        ],
        run: { context in
            let isAbandoned = context.arguments.has("abandon")
            let path = APIClient.release(context.arguments.operands[0])
            let body = try await context.api.send(
                "POST", path + (isAbandoned ? "/abandon" : "/cancel"))
            return try context.show(body, as: ReleaseAnswer.self) { release in
                context.console.out(
                    SafeText.line(done(release, isAbandoned)) + "\n" + left(release))
                if release.phase == "cleaningUp" { context.console.out(letGo(release)) }
            }
        })

    private static func done(_ release: ReleaseAnswer, _ isAbandoned: Bool) -> String {
        let what = "release \(release.shortID): \(release.label) to \(release.environment)"
        if isAbandoned { return "Abandoned \(what) (\(release.status))" }
        if release.hasEnded { return "Cancelled \(what)" }
        guard release.phase == "cleaningUp" else {
            return "Stopping \(what), as soon as its step can be left"
        }
        return (release.outcome == "cancelled" ? "Cancelled" : "It is over with")
            + " \(what); it takes back what it began"
    }

    /// What it takes back, or has left.
    static func left(_ release: ReleaseAnswer) -> String {
        let word = release.hasEnded ? "left there" : "takes back"
        return (release.leftBehind ?? []).map { "   \(word): \(SafeText.line($0))\n" }.joined()
    }

    private static func letGo(_ release: ReleaseAnswer) -> String {
        let name = SafeText.line(release.shortID)
        return "To let go of it: aibuild release cancel \(name) --abandon\n"
    }
}
