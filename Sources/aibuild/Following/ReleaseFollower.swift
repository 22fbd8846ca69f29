import HTTPClientKit
import Synchronization

/// Shows releases until all have ended: a line for each change, on a terminal also how far the
/// running ones are.
final class ReleaseFollower: Sendable {
    private struct State {
        /// In the order in which they were made.
        var releases: [ReleaseAnswer]
        /// What was said last of each, by id.
        var said: [String: String] = [:]
    }

    private let context: CommandContext
    private let progress: ProgressLine
    private let connection: ConnectionNotes
    private let state: Mutex<State>

    init(_ releases: [ReleaseAnswer], _ context: CommandContext) {
        self.context = context
        progress = ProgressLine(context.console)
        connection = ConnectionNotes(progress)
        state = Mutex(State(releases: releases))
    }

    /// - Returns: whether all succeeded, as an exit code.
    func follow() async throws -> ExitCode {
        let releases = state.withLock(\.releases)
        defer { progress.wipe() }
        let interruption = Interruption(
            context,
            "The releases go on. See them: aibuild releases. Stop one: aibuild release "
                + "cancel \(SafeText.line(releases.first?.id ?? "RELEASE"))")
        defer { withExtendedLifetime(interruption) {} }
        try await withThrowingTaskGroup { group in
            for release in releases { group.addTask { try await self.follow(release.id) } }
            try await group.waitForAll()
        }
        let states = state.withLock { Set($0.releases.map(\.state)) }
        if states == ["released"] { return .ok }
        return states.isSubset(of: ["released", "cancelled"]) ? .cancelled : .buildFailed
    }

    private func follow(_ id: String) async throws {
        let events = EventFollower(
            context.api, path: "/api/v1/releases/\(APIClient.segment(id))/events",
            connection: connection,
            advice: "The releases may still be running: aibuild releases")
        let end = try await events.follow { if $0.name == "state" { try self.show($0.data) } }
        try show(end)
    }

    private func show(_ json: String) throws {
        let release = try APIClient.decode(ReleaseAnswer.self, Array(json.utf8))
        // One piece at a time reaches the terminal: the streams come from several threads.
        state.withLock { state in
            guard let index = state.releases.firstIndex(where: { $0.id == release.id }) else {
                return
            }
            state.releases[index] = release
            let news = news(release)
            if state.said[release.id] != news {
                state.said[release.id] = news
                progress.wipe()
                context.console.err(message(release))
            }
            let running = state.releases.filter { !$0.hasEnded }
            if !running.isEmpty { progress.draw(running.map(part).joined(separator: "   ")) }
        }
    }

    /// What is said once.
    private func news(_ release: ReleaseAnswer) -> String {
        release.status + (release.tryText ?? "") + (release.fault ?? "")
            + (release.hasEnded ? "" : release.progress?.what ?? "")
    }

    private func message(_ release: ReleaseAnswer) -> String {
        var text = "== \(release.environment): \(release.status)"
        if !release.hasEnded, let what = release.progress?.what { text += ", \(what)" }
        if let next = release.tryText { text += ", \(next)" }
        if let fault = release.fault { text += ": \(fault)" }
        if release.hasEnded, let id = release.remoteID { text += " as \(id)" }
        var lines = SafeText.line(text) + "\n"
        if release.hasEnded {
            for note in release.notes ?? [] { lines += "   \(SafeText.line(note))\n" }
            lines += ReleaseDetails.left(release)
        } else if release.state == "awaitingApproval" {
            lines += "   Approve it: aibuild release approve \(SafeText.line(release.id))\n"
        }
        return lines
    }

    /// Its part of the progress line.
    private func part(_ release: ReleaseAnswer) -> String {
        guard let progress = release.progress, progress.totalBytes > 0 else {
            return "\(release.environment): \(release.status)"
        }
        let percent = Int(100 * Double(progress.doneBytes) / Double(progress.totalBytes))
        return "\(release.environment): \(progress.what) \(percent) % of "
            + Format.bytes(progress.totalBytes)
    }
}
