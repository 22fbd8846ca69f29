/// The name under which each agent is used. The first one that connects keeps it until it is
/// removed or changed, so that two names of one agent do not take turns.
struct AgentNames {
    private var names: [String: String] = [:]

    /// - Returns: the name that has the agent, if it is another one.
    mutating func claim(_ agentID: String, for name: String) -> String? {
        if let holder = names[agentID], holder != name { return holder }
        // Its daemon may have been restarted, with a new ID.
        release(name)
        names[agentID] = name
        return nil
    }

    mutating func release(_ name: String) { names = names.filter { $0.value != name } }
}
