import Support

/// Shows releases until all have ended: a line for each thing that happened, on a terminal also
/// how far the running ones are.
struct ReleaseFollower {
    private static let pauseMilliseconds = 500
    /// How long a coordinator may be away before the waiting ends.
    private static let patienceMilliseconds: Int64 = 10 * 60 * 1000

    private let context: CommandContext

    init(_ context: CommandContext) { self.context = context }

    /// - Returns: whether all succeeded, as an exit code.
    func follow(_ releases: [ReleaseAnswer]) async throws -> ExitCode {
        var states = releases
        var said: [String: String] = [:]
        var drawn = false
        var heard = Clocks.monotonicMilliseconds()
        while true {
            for (index, release) in states.enumerated() where !release.hasEnded {
                do {
                    let path = "/api/v1/releases/\(APIClient.segment(release.id))"
                    let body = try await context.api.get(path)
                    states[index] = try APIClient.decode(ReleaseAnswer.self, body)
                    heard = Clocks.monotonicMilliseconds()
                } catch let error as CommandError where error.code == .unreachable {
                    guard Clocks.monotonicMilliseconds() - heard < Self.patienceMilliseconds else {
                        throw error
                    }
                }
            }
            for release in states where said[release.id] != news(release) {
                if drawn { context.console.err("\r\u{1B}[K") }
                drawn = false
                said[release.id] = news(release)
                context.console.err(SafeText.line("== \(release.environment): ") + told(release))
            }
            if states.allSatisfy(\.hasEnded) { break }
            if context.console.errIsTerminal {
                let line = states.filter { !$0.hasEnded }.map(progress).joined(separator: "   ")
                let cut = SafeText.line(String(line.prefix(max(20, context.console.width() - 1))))
                context.console.err("\r\u{1B}[K" + cut)
                drawn = true
            }
            try await Task.sleep(for: .milliseconds(Self.pauseMilliseconds))
        }
        return states.allSatisfy { $0.state == "released" } ? .ok : .buildFailed
    }

    /// What is said once.
    private func news(_ release: ReleaseAnswer) -> String {
        release.state + (release.fault ?? "")
            + (release.hasEnded ? "" : release.progress?.what ?? "")
    }

    private func told(_ release: ReleaseAnswer) -> String {
        var text = release.state
        if !release.hasEnded, let what = release.progress?.what { text += ", \(what)" }
        if let fault = release.fault { text += ": \(fault)" }
        if release.hasEnded, let id = release.remoteID { text += " as \(id)" }
        var lines = SafeText.line(text) + "\n"
        if release.hasEnded {
            for note in release.notes ?? [] { lines += "   \(SafeText.line(note))\n" }
        } else if release.state == "awaitingApproval" {
            lines += "   say yes: aibuild release approve \(SafeText.line(release.id))\n"
        }
        return lines
    }

    private func progress(_ release: ReleaseAnswer) -> String {
        guard let progress = release.progress, progress.totalBytes > 0 else {
            return "\(release.environment): \(release.state)"
        }
        let part = Int(100 * Double(progress.doneBytes) / Double(progress.totalBytes))
        return "\(release.environment): \(progress.what) \(part) % of "
            + Format.bytes(progress.totalBytes)
    }
}
