import CoordinatorService
import HTTPTypes

/// What a coordinator that stands by does not answer itself: changes, and what only the leader
/// knows. Everything else it reads from what all coordinators share.
struct Standby: Sendable {
    let standing: @Sendable () async -> LeaseKeeper.Standing

    /// Prefixes and suffixes of paths whose answers live in the leader's memory.
    private static let live = ["/api/v1/hosts", "/api/v1/queue", "/overview", "/builds/"]

    /// Sends the request on to the leader, or `nil` where it is answered here.
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
        guard request.method == "GET" || request.method == "HEAD" else { return true }
        return request.path == "/" || request.path.hasSuffix("/events")
            || Self.live.contains { request.path.hasPrefix($0) }
    }
}
