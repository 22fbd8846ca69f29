import CoordinatorService
import HTTPTypes

/// Redirects what a standby does not serve itself: changes, and what only the leader has in memory.
/// Everything else it reads from the shared store.
struct Standby: Sendable {
    let standing: @Sendable () async -> LeaseKeeper.Standing

    /// Prefixes of paths that are served from the leader's memory.
    private static let live = [
        // Each coordinator may have a key of its own: the leader's is that which hosts let in.
        "/api/v1/host-setup", "/api/v1/hosts", "/api/v1/notifications", "/api/v1/queue",
        "/api/v1/schedules",
        "/api/v1/storage", "/builds/", "/hosts", "/sign-in",
        CommandLineRoutes.path,
    ]

    /// Redirects the request to the leader, or returns `nil` if it is served here.
    func response(to request: HTTPRequest) async -> HTTPResponse? {
        guard case .standingBy(let url) = await standing(), needsLeader(request) else { return nil }
        guard let url else {
            return Problem.unavailable(
                "No coordinator is leading, or one is taking over",
                remedy:
                    "Try again in a few seconds. If it persists, see the coordinators' logs",
                retryAfterSeconds: 2
            ).response
        }
        return Problem(
            status: 307, detail: "This coordinator is a standby; \(url) leads",
            remedy: "Send the request there",
            headers: ["Location": url + request.target]
        ).response
    }

    private func needsLeader(_ request: HTTPRequest) -> Bool {
        // What hooks report is stored by every coordinator.
        if request.path.utf8.starts(with: HookRoutes.prefix.utf8) { return false }
        guard request.method == "GET" || request.method == "HEAD" else { return true }
        return request.path == "/" || request.path.hasSuffix("/events")
            || request.path.hasSuffix("/changes")
            || Self.live.contains { request.path.hasPrefix($0) }
    }
}
