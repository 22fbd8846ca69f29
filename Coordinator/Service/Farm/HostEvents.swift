import BuildProtocol

// Events go up through `HostEvents` and `AttemptEvents`, effects go down through the ports and
// `HostLink`: a session knows the farm only as a listener, and holds it weakly.

/// Receives the events of a session with a host.
protocol HostEvents: AnyObject, Sendable {
    /// A session has begun.
    func hostAnswered(_ name: String, agent version: String) async
    func hostReported(_ name: String, _ report: HostReport) async
    func hostWentAway(_ name: String, _ why: String) async
    /// Why the agent that answered cannot be used under this name; `nil` if it can.
    /// - Parameter unknown: attempts that it holds, and that no session of this name follows.
    func refusal(
        of agentID: String?, holding unknown: [AttemptToken], ofHost name: String
    ) async -> String?
}
