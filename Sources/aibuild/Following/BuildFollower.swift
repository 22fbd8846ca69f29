import BuildProtocol
import HTTPClientKit
import Synchronization
import TextKit

/// Shows a build live until it ends: its log, its phases, its progress.
final class BuildFollower: Sendable {
    private let context: CommandContext
    private let printer: LogPrinter
    private let progress: ProgressLine
    private let attempt = Mutex<String?>(nil)

    init(_ context: CommandContext) {
        self.context = context
        printer = LogPrinter(context)
        progress = ProgressLine(context.console)
    }

    /// - Parameter label: how people call it; as they did, if it is `nil`.
    /// - Returns: whether it passed, as an exit code.
    @inline(never)  // See `APIClient.exchange`.
    func follow(_ build: String, called label: String? = nil) async throws -> ExitCode {
        let name = SafeText.line(label ?? build)
        let events = EventFollower(
            context.api, path: APIClient.build(build) + "/events",
            connection: ConnectionNotes(progress),
            advice: "The build may still be running: aibuild logs -f \(name)")
        defer { progress.wipe() }
        let interruption = Interruption(
            context,
            "The build goes on. Follow it again: aibuild logs -f \(name). Stop it: "
                + "aibuild cancel \(name)")
        defer { withExtendedLifetime(interruption) {} }
        return try finish(await events.follow { try self.show($0) })
    }

    private func show(_ event: ServerSentEvent) throws {
        switch event.name {
        case "log":
            progress.wipe()
            for line in event.data.lines { printer.print(String(line)) }
        case "state":
            let build = try APIClient.decode(BuildAnswer.self, Array(event.data.utf8))
            if context.wantsJSON { return }
            announceAttempt(build)
            // A prompt or a bar stays in sight.
            if !build.hasEnded, !printer.isOpen { progress.show(build) }
        default: break
        }
    }

    private func announceAttempt(_ build: BuildAnswer) {
        guard let current = build.attempt else { return }
        let isNew = attempt.withLock { attempt in
            defer { attempt = current }
            return attempt != current
        }
        if isNew {
            printer.finish()
            progress.say(
                "== "
                    + SafeText.line(
                        "attempt \(build.attemptCount ?? 1) on \(build.host ?? "a host")"))
        }
    }

    private func finish(_ end: String) throws -> ExitCode {
        printer.finish()
        progress.wipe()
        let build = try APIClient.decode(BuildAnswer.self, Array(end.utf8))
        if context.wantsJSON {
            if context.command.name != "logs" { context.printJSON(Array(end.utf8)) }
        } else {
            var text = "== \(build.label) \(build.state)"
            if let took = build.took { text += " in \(took)" }
            // A build that failed its tests has an image as well.
            if let fault = build.fault {
                // "cancelled by anna" need not say it again.
                let rest = fault.reason.trimmingPrefix(build.state)
                text += rest.hasPrefix(" ") ? String(rest) : ": \(fault.reason)"
            } else if let image = build.image {
                text += ": \(Format.bytes(image.sizeBytes)) \(image.url)"
            }
            for line in text.lines { context.console.err(SafeText.line(String(line)) + "\n") }
        }
        return switch build.state {
        case BuildState.passed.rawValue: .ok
        case BuildState.cancelled.rawValue: .cancelled
        default: .buildFailed
        }
    }
}
