import BuildProtocol
import FoundationEssentials
import HTTPClientKit
import Support
import Synchronization

/// Shows a build live until it ends. A lost connection is made again and goes on at the byte where
/// the last whole event ended.
final class Follower: Sendable {
    private struct State {
        var parser = ServerSentEventParser()
        var lastEventID = ""
        /// The build as the `end` event gave it.
        var end: String?
        /// When the last byte came.
        var heard = Clocks.monotonicMilliseconds()
        var wasConnected = false
        var isReconnecting = false
        var attempt: String?
    }

    /// How long a coordinator may be away (an upgrade, a reboot) before the following ends.
    private static let patienceMilliseconds: Int64 = 10 * 60 * 1000
    private static let firstPauseMilliseconds: Int64 = 250
    private static let longestPauseMilliseconds: Int64 = 10_000

    private let context: CommandContext
    private let printer: LogPrinter
    private let progress: ProgressLine
    private let state = Mutex(State())

    init(_ context: CommandContext) {
        self.context = context
        printer = LogPrinter(context)
        progress = ProgressLine(context.console)
    }

    func follow(_ build: String) async throws -> ExitCode {
        var pause = Self.firstPauseMilliseconds
        while true {
            let before = state.withLock(\.heard)
            let failure = await connect(build)
            if let end = state.withLock(\.end) { return try finish(end) }
            try giveUp(after: failure, build)
            if state.withLock(\.heard) != before { pause = Self.firstPauseMilliseconds }
            if state.withLock({ state in
                defer { state.isReconnecting = true }
                return !state.isReconnecting
            }) {
                let why = failure?.message ?? "the coordinator ended the stream"
                progress.say("aibuild: \(SafeText.line(why)); trying again …")
            }
            try await Task.sleep(for: .milliseconds(pause))
            pause = min(pause * 2, Self.longestPauseMilliseconds)
        }
    }

    /// One connection, to its end.
    private func connect(_ build: String) async -> HTTPClientError? {
        let last = state.withLock { state in
            state.parser = ServerSentEventParser()
            return state.lastEventID
        }
        do throws(HTTPClientError) {
            try await context.api.stream(
                APIClient.build(build) + "/events", lastEventID: last
            ) { bytes in try self.take(Array(bytes)) }
            return nil
        } catch {
            return error
        }
    }

    /// Throws where trying again makes no sense.
    private func giveUp(after failure: HTTPClientError?, _ build: String) throws {
        let (wasConnected, heard) = state.withLock { ($0.wasConnected, $0.heard) }
        if let failure {
            if let cause = failure.cause { throw cause }
            let isAway: Bool =
                if case .status(let status) = failure.kind { status >= 500 } else {
                    !failure.isPermanent
                }
            if !wasConnected || !isAway { throw context.api.commandError(failure) }
        }
        if Clocks.monotonicMilliseconds() - heard > Self.patienceMilliseconds {
            progress.wipe()
            throw CommandError(
                .unreachable,
                "the coordinator has been away for 10 min; the build may go on: "
                    + "aibuild logs -f \(build)")
        }
    }

    private func take(_ bytes: [UInt8]) throws {
        let (events, isBack) = try state.withLock { state in
            let events = try state.parser.feed(bytes)
            state.heard = Clocks.monotonicMilliseconds()
            state.wasConnected = true
            // The parser of a new connection knows no id before the first one comes.
            if !state.parser.lastEventID.isEmpty { state.lastEventID = state.parser.lastEventID }
            defer { state.isReconnecting = false }
            return (events, state.isReconnecting)
        }
        if isBack { progress.say("aibuild: connected again") }
        for event in events { try show(event) }
    }

    private func show(_ event: ServerSentEvent) throws {
        switch event.name {
        case "log":
            progress.wipe()
            for line in event.data.split(separator: "\n") { printer.print(String(line)) }
        case "state":
            let build = try APIClient.decode(BuildAnswer.self, Array(event.data.utf8))
            if context.wantsJSON { return }
            announceAttempt(build)
            if !build.hasEnded { progress.show(build) }
        case "end": state.withLock { $0.end = event.data }
        default: break
        }
    }

    private func announceAttempt(_ build: BuildAnswer) {
        guard let attempt = build.attempt else { return }
        let isNew = state.withLock { state in
            defer { state.attempt = attempt }
            return state.attempt != attempt
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
            if let image = build.image {
                text += ": \(Format.bytes(image.sizeBytes)) \(image.url)"
            } else if let fault = build.fault {
                text += ": \(fault.reason)"
            }
            context.console.err(SafeText.line(text) + "\n")
        }
        return build.state == BuildState.passed.rawValue ? .ok : .buildFailed
    }
}
