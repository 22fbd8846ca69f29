import Support

/// Waits until a container is known to be healthy or unhealthy.
struct HealthWatch: Sendable {
    let engine: DockerEngine
    let container: String
    let rule: Replacement.Health

    func run() async throws {
        let began = Clocks.monotonicMilliseconds()
        while true {
            guard let now = try await engine.container(container) else {
                throw DockerError(.unhealthy, "\(container) on \(engine.name) is gone")
            }
            let elapsed = Clocks.monotonicMilliseconds() - began
            switch Self.verdict(now, elapsedMilliseconds: elapsed, rule) {
            case .healthy: return
            case .unhealthy(let reason):
                throw DockerError(
                    .unhealthy, "the new container \(container) on \(engine.name) \(reason)")
            case .pending: break
            }
            do {
                try await Task.sleep(for: .milliseconds(DockerLimits.healthPauseMilliseconds))
            } catch {
                throw DockerError(.cancelled, "was cancelled while \(container) was watched")
            }
        }
    }

    enum Verdict: Sendable, Hashable {
        case healthy
        case unhealthy(String)
        case pending
    }

    static func verdict(
        _ container: EngineContainer, elapsedMilliseconds: Int64, _ rule: Replacement.Health
    ) -> Verdict {
        let state = container.state
        if let restarts = container.restarts, restarts > 0 || state.status == "restarting" {
            return .unhealthy("does not stay up: it was restarted \(restarts) times")
        }
        guard state.status == "running" else {
            let reason = (state.error).flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
            return .unhealthy("ended with code \(state.exitCode ?? -1)\(reason)")
        }
        switch state.health?.status {
        case nil, "none":
            return elapsedMilliseconds >= Int64(rule.settleSeconds) * 1000 ? .healthy : .pending
        case "healthy": return .healthy
        case "unhealthy": return .unhealthy("is unhealthy\(probe(state))")
        default:
            guard elapsedMilliseconds >= Int64(rule.limitSeconds) * 1000 else { return .pending }
            return .unhealthy("was not healthy within \(rule.limitSeconds) s\(probe(state))")
        }
    }

    private static func probe(_ state: EngineContainer.State) -> String {
        guard let last = state.health?.log?.last else { return "" }
        let output = (last.output ?? "").prefix(DockerLimits.quotedBytes)
        return ": its health check ends with code \(last.exitCode ?? -1)"
            + (output.isEmpty ? "" : " and says: \(output)")
    }
}
