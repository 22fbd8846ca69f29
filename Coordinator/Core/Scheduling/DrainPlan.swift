public import BuildProtocol

/// What draining a host does to the builds that have not ended.
public struct DrainPlan: Sendable, Hashable {
    public struct Item: Sendable, Hashable {
        public var build: String
        public var stage: BuildStage
        /// Whether another host in service could take it.
        public var hasOtherHost: Bool
    }

    /// What runs there, and is finished there.
    public var finishes: [Item]
    /// What is queued and would wait until the host is resumed: no other host can take it.
    public var strands: [Item]

    /// - Parameter running: the builds on the host, as they would be queued anew.
    public init(_ world: World, host: String, running: [QueuedBuild]) {
        let placement = Placement(world)
        let hosts = world.farm.hosts
        func item(_ build: QueuedBuild) -> Item {
            let others = hosts.indices.filter { hosts[$0].name != host && hosts[$0].isInService }
            return Item(
                build: build.id, stage: build.stage,
                hasOtherHost: others.contains { placement.impossible(build, at: $0) == nil })
        }
        finishes = running.sorted { $0.id < $1.id }.map(item)
        guard let index = hosts.firstIndex(where: { $0.name == host }) else {
            strands = []
            return
        }
        strands = world.queue.all.sorted {
            ($0.submittedMilliseconds, $0.id) < ($1.submittedMilliseconds, $1.id)
        }.filter { placement.impossible($0, at: index) == nil }
            .map(item).filter { !$0.hasOtherHost }
    }
}
