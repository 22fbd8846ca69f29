import BuildProtocol
import TextKit

/// Prints everything about one build.
struct BuildDetails {
    private let context: CommandContext

    init(_ context: CommandContext) { self.context = context }

    func print(_ build: BuildAnswer) {
        let state =
            build.cancelRequested == true && !build.hasEnded
            ? "\(build.state), cancelling" : build.state
        let fields: [(String, String?)] = [
            ("build", build.label), ("id", build.id), ("state", state),
            ("stage", build.hasEnded ? nil : build.stage), ("phase", build.phase),
            ("host", build.host), ("owner", build.owner), ("reason", build.reason),
            ("priority", build.priority.flatMap { $0 == 0 ? nil : String($0) }),
            ("submitted", Format.time(build.submittedAt)),
            ("started", build.startedAt.map { Format.time($0) }),
            ("ended", build.endedAt.map { Format.time($0) }), ("took", build.took),
            ("expected end", build.end?.words ?? build.endReason.map { "unknown: \($0)" }),
            ("fault", build.fault.map { "\(Headline.of($0.reason)) [\($0.code.rawValue)]" }),
            ("seen", build.fingerprint?.words),
            ("image", build.image?.name), ("url", build.image?.url),
            ("size", build.image.map { Format.bytes($0.sizeBytes) }),
            ("virtual size", build.image?.virtualSizeBytes.map { Format.bytes($0) }),
            ("SHA-256", build.image?.sha256), ("pinned", build.pinned == true ? "yes" : nil),
            ("removed", build.prunedAt.map { "\(Format.time($0)), image and logs" }),
            ("commit", build.plan?.commit),
            ("retries", build.plan?.retries.map { $0 == 0 ? "none" : "at most \($0)" }),
            ("published", build.plan?.publishes == false ? "no, it is only tested" : nil),
        ]
        context.print(fields + baseImage(build))
        if let lines = build.fault?.reason.lines.dropFirst(), !lines.isEmpty {
            context.console.out("\n")
            for line in lines { context.console.out("  \(SafeText.line(String(line)))\n") }
        }
        printVariables(build)
        printWaiting(build)
        printTests(build)
        printAttempts(build)
        printGuests(build)
        printArtifacts(build)
        printRemoteImages(build)
    }

    /// What the image was made from, and where its digest was found.
    private func baseImage(_ build: BuildAnswer) -> [(String, String?)] {
        guard let image = build.plan?.recipe?.baseImage else { return [] }
        let digest =
            image.sha512.map { "SHA-512 \($0)" } ?? image.sha256.map { "SHA-256 \($0)" }
        return [
            ("base image", image.url), ("its digest", digest ?? "not checked"),
            ("found in", image.checksumURL),
        ]
    }

    /// What the build has, and then what attempts got from their hosts instead.
    private func printVariables(_ build: BuildAnswer) {
        var table = Table("VARIABLE", "VALUE", "FROM")
        var texts = build.plan?.recipe?.variables ?? [:]
        for (name, value) in build.plan?.recipe?.values ?? [:] {
            texts[name] = String(decoding: value.bytes, as: UTF8.self)
        }
        for (name, value) in texts.sorted(by: { $0.key < $1.key }) {
            table.add(
                .init(name), .init(value), .init(Self.origin(build.plan?.variableOrigins?[name])))
        }
        for attempt in build.attempts ?? [] {
            for (name, value) in (attempt.hostVariables ?? [:]).sorted(by: { $0.key < $1.key }) {
                table.add(
                    .init(name), .init(value),
                    .init("host \(attempt.host), attempt \(attempt.ordinal)"))
            }
        }
        context.printSection(table)
    }

    private static func origin(_ word: String?) -> String {
        switch word {
        case nil: "aibuild.yml"
        case "guestos": "guest OS"
        case let word?: word
        }
    }

    private func printWaiting(_ build: BuildAnswer) {
        guard let waiting = build.waiting else { return }
        context.console.out("\n")
        context.print([
            ("waiting", waiting.summary), ("queue position", waiting.position.map(String.init)),
            ("starts", waiting.startWords),
            ("what to do", waiting.remedy),
        ])
        for host in waiting.hosts ?? [] {
            context.console.out("  \(SafeText.line(host.host)): \(SafeText.line(host.reason))\n")
        }
    }

    private func printTests(_ build: BuildAnswer) {
        var table = Table("TEST", "RESULT", "TOOK", "DETAIL", spare: ["TOOK"])
        for test in build.tests ?? [] {
            table.add(
                .init(test.name),
                .init(test.result, test.result == "passed" ? .green : .red),
                .init(test.seconds.map(Format.duration) ?? ""), .init(test.detail ?? ""))
        }
        context.printSection(table)
    }

    private func printAttempts(_ build: BuildAnswer) {
        var table = Table(
            "ATTEMPT", "STAGE", "HOST", "STARTED", "LOG", "OUTCOME", spare: ["LOG", "STARTED"])
        for attempt in build.attempts ?? [] {
            let fault = attempt.outcome?.fault
            let ended = fault.map { Headline.of($0.reason) } ?? "passed"
            let outcome = attempt.outcome == nil ? "running" : ended
            table.add(
                .init("\(attempt.ordinal)"), .init(attempt.stage ?? "build"), .init(attempt.host),
                .init(Format.time(attempt.startedAt)), .init(Format.bytes(attempt.logBytes)),
                .init(outcome, attempt.outcome.map { $0.passed ? .green : .red }))
        }
        context.printSection(table)
    }

    /// Lines of a serial console to print; the web page shows them all.
    private static let consoleLines = 10

    private func printGuests(_ build: BuildAnswer) {
        for attempt in build.attempts ?? [] {
            guard let guest = attempt.guest else { continue }
            context.console.out("\n")
            context.print(
                [("guest of attempt", "\(attempt.ordinal)"), ("observed", guest.summary)]
                    + (guest.notes ?? []).map { ("note", $0) }
                    + [("screenshot", guest.screenshot.map { context.api.url + $0 })])
            guard let serial = guest.serialTail, !serial.isEmpty else { continue }
            context.console.out("Last lines of its serial console:\n")
            let lines = serial.split(whereSeparator: \.isNewline).suffix(Self.consoleLines)
            for line in lines { context.console.out("  \(SafeText.line(String(line)))\n") }
        }
    }

    private func printRemoteImages(_ build: BuildAnswer) {
        var table = Table("ELSEWHERE", "BUILDER", "STATE")
        for image in build.remoteImages ?? [] {
            let state =
                switch image.state {
                case "removed": "removed \(Format.time(image.removedAt))"
                case "removing":
                    (image.problem.map { "cannot be removed: \($0)" } ?? "removal pending")
                        + (image.nextTryAt.map { "; next try \(Format.time($0))" } ?? "")
                case "unwanted": "not wanted any more: remove it there, if it exists"
                default: image.state
                }
            table.add(
                .init(image.id ?? "(not known)"), .init(image.builder), .init(state))
        }
        context.printSection(table)
    }

    private func printArtifacts(_ build: BuildAnswer) {
        var table = Table("FILE", "FORMAT", "SIZE", "SHA-256", spare: ["SHA-256", "FORMAT"])
        for file in build.artifacts ?? [] {
            table.add(
                .init(file.name), .init(file.format), .init(Format.bytes(file.sizeBytes)),
                .init(file.sha256))
        }
        context.printSection(table)
    }
}
