import Support

/// Empties a host for an upgrade, and sends builds there again.
struct HostDrain {
    enum State { case none, drained, drainedBefore }

    private struct Request: Encodable {
        var note: String?
        var deadlineSeconds: Int?
    }

    /// How long the builds of a host are waited for without a deadline.
    private static let waitSeconds = 24 * 3600
    /// What stopping builds takes at most after a deadline.
    private static let stopSeconds = 600
    /// An SSH connection that is used as often is not closed.
    private static let useMilliseconds: Int64 = 60_000

    let context: CommandContext
    let name: String
    private(set) var state = State.none

    init(context: CommandContext, name: String) {
        self.context = context
        self.name = name
    }

    private var path: String { HostCommands.path(name) }
    private var shownName: String { SafeText.line(name) }

    /// Drains the host, unless somebody has.
    mutating func begin() async throws {
        let host = try await look()
        var request = Request(
            note: "upgrade", deadlineSeconds: try context.arguments.durationSeconds("deadline"))
        if host.drained == true {
            state = .drainedBefore
            let note = host.drainNote.map { " (\(SafeText.line($0)))" } ?? ""
            context.say("     Host \(shownName) is drained already\(note), and will stay so")
            // The reason of whoever drained it remains.
            request.note = host.drainNote
            guard request.deadlineSeconds != nil, host.drainDeadlineAt == nil else { return }
        }
        _ = try await context.api.send("POST", path + "/drain", request)
        if state == .none { state = .drained }
    }

    /// Waits until the host runs nothing.
    /// - Parameter machine: whose connection is kept.
    func wait(over machine: RemoteMachine) async throws {
        let deadline = try context.arguments.durationSeconds("deadline")
        let seconds = deadline.map { $0 + Self.stopSeconds } ?? Self.waitSeconds
        let end = Clocks.monotonicMilliseconds() + Int64(seconds) * 1000
        var used = Clocks.monotonicMilliseconds()
        var host = try await look()
        if let running = host.running, running > 0 {
            context.say("     Waiting for the \(builds(running)) that it runs")
        }
        while let running = host.running, running > 0 {
            let now = Clocks.monotonicMilliseconds()
            guard now < end else {
                throw CommandError(
                    .refused,
                    "Host \(shownName) still runs \(builds(running)) after "
                        + "\(seconds / 60) minutes. It was not upgraded. To stop what it runs: "
                        + "aibuild host drain \(shownName) --deadline 10m")
            }
            if now - used >= Self.useMilliseconds {
                _ = await machine.isConnected()
                used = now
            }
            try await Task.sleep(for: .seconds(1))
            host = try await look()
        }
    }

    /// Sends builds there again, unless it was drained before.
    func end() async throws {
        guard state == .drained else {
            return context.say(
                "     Host \(shownName) stays drained, as it was. Resume it: aibuild host resume "
                    + shownName)
        }
        _ = try await context.api.send("POST", path + "/resume")
        context.say("done Resumed host \(shownName)")
    }

    private func look() async throws -> HostAnswer {
        try APIClient.decode(HostAnswer.self, try await context.api.get(path))
    }

    private func builds(_ count: Int) -> String { count == 1 ? "1 build" : "\(count) builds" }
}
