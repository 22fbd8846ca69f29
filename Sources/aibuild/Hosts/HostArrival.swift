import Support

/// Waits until the coordinator has reached a host, or cannot.
struct HostArrival {
    let context: CommandContext
    let name: String

    /// A refused login takes seconds, a host that does not answer the time of SSH's limit.
    static let usualMilliseconds: Int64 = 30_000
    /// A host that was set up anew is tried again after up to 30 s.
    static let patientMilliseconds: Int64 = 75_000

    /// - Parameter endsAtFault: whether the first failure counts; otherwise the last one does.
    /// - Returns: the host once it is ready, cannot be used, or after the time.
    func wait(milliseconds: Int64, endsAtFault: Bool) async throws -> HostAnswer {
        let deadline = Clocks.monotonicMilliseconds() + milliseconds
        while true {
            let host = try APIClient.decode(
                HostAnswer.self, try await context.api.get(HostCommands.path(name)))
            let waits = host.state == "connecting" || host.state != "ready" && !endsAtFault
            guard waits, Clocks.monotonicMilliseconds() < deadline else { return host }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Reports a host that is ready.
    /// - Parameter done: `Added host kvm1`.
    func report(_ host: HostAnswer, _ done: String) throws -> ExitCode {
        if host.slots == 0 {
            throw CommandError(
                .refused,
                "\(done), and it takes no builds: "
                    + SafeText.line(host.notices?.first ?? "its agent offers no slots")
                    + "\nFix this and restart its agent, then check it: aibuild host show "
                    + SafeText.line(name))
        }
        let slots = host.slots.map { ", \($0) slot\($0 == 1 ? "" : "s")" } ?? ""
        let kinds = (host.accelerators ?? []).joined(separator: " and ")
        context.say(
            "\(done). It is ready\(slots)" + (kinds.isEmpty ? "" : ", with \(SafeText.line(kinds))")
        )
        for notice in host.notices ?? [] {
            context.console.err("Notice: \(SafeText.line(notice))\n")
        }
        return .ok
    }
}
