import BuildProtocol
public import CoordinatorCore

/// When builds end, and hosts are empty.
extension BuildTracker {
    /// When a running build ends; `nil` if it does not run.
    public func expectedEnd(_ id: String) async -> Expected? {
        guard let (build, _) = find(id), build.state != .queued else { return nil }
        return await explained().end(of: id)
    }

    /// The same of several, by their ids.
    public func expectedEnds(of builds: [Build]) async -> [String: Expected] {
        let all = await explained()
        var ends: [String: Expected] = [:]
        for build in builds { ends[build.id] = all.end(of: build.id) }
        return ends
    }

    /// When a host that takes nothing new runs nothing any more.
    func expectedEmpty(_ host: String) async -> Expected { await explained().empty(host: host) }
}
