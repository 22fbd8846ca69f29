import Support

/// Waits until a container is known to be well, or known not to be.
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
            case .well: return
            case .ill(let words):
                throw DockerError(
                    .unhealthy, "the new container \(container) on \(engine.name) \(words)")
            case .open: break
            }
            do {
                try await Task.sleep(for: .milliseconds(DockerLimits.healthPauseMilliseconds))
            } catch {
                throw DockerError(.cancelled, "was cancelled while \(container) was watched")
            }
        }
    }

    enum Verdict: Sendable, Hashable {
        case well
        case ill(String)
        case open
    }

    static func verdict(
        _ container: EngineContainer, elapsedMilliseconds: Int64, _ rule: Replacement.Health
    ) -> Verdict {
        let state = container.state
        if let restarts = container.restarts, restarts > 0 || state.status == "restarting" {
            return .ill("does not stay up: it was started anew \(restarts) times")
        }
        guard state.status == "running" else {
            let reason = (state.error).flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
            return .ill("ended with code \(state.exitCode ?? -1)\(reason)")
        }
        switch state.health?.status {
        case nil, "none":
            return elapsedMilliseconds >= Int64(rule.settleSeconds) * 1000 ? .well : .open
        case "healthy": return .well
        case "unhealthy": return .ill("is unhealthy\(probe(state))")
        default:
            guard elapsedMilliseconds >= Int64(rule.limitSeconds) * 1000 else { return .open }
            return .ill("was not healthy within \(rule.limitSeconds) s\(probe(state))")
        }
    }

    private static func probe(_ state: EngineContainer.State) -> String {
        guard let last = state.health?.log?.last else { return "" }
        let words = (last.output ?? "").prefix(DockerLimits.quotedBytes)
        return ": its health check ends with code \(last.exitCode ?? -1)"
            + (words.isEmpty ? "" : " and says: \(words)")
    }
}
