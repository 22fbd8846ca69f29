import BuildProtocol

/// Why no host takes a build now, whatever else it waits for: those that could are drained, or
/// away.
struct HostAbsence {
    private let hosts: [HostView]
    /// Whether other hosts can never take the build.
    private let isPartial: Bool
    /// Those of `hosts` that are in service, or finish the build.
    private let present: Int
    private let reasons: [String]

    private static let shown = 3

    init(_ build: QueuedBuild, _ world: World, _ placement: Placement) {
        let able = world.farm.hosts.indices.filter { placement.neverPossible(build, at: $0) == nil }
        hosts = able.map { world.farm.hosts[$0] }
        isPartial = able.count < world.farm.hosts.count
        present =
            able.filter {
                world.farm.hosts[$0].availability == .ready || placement.mayFinish(build, at: $0)
            }.count
        reasons = able.map {
            "\(world.farm.hosts[$0].name) \(placement.blocker(build, at: $0) ?? "is free")"
        }
    }

    private var which: String { isPartial ? " that can take it" : "" }

    /// Summary and remedy; `nil` if one of them is not drained.
    var allDrained: (String, String)? {
        guard let first = hosts.first, present == 0,
            hosts.allSatisfy({ $0.availability == .drained })
        else { return nil }
        let summary =
            switch hosts.count {
            case 1: isPartial ? "the only host\(which), \(reasons[0])" : "host \(reasons[0])"
            case 2: "both hosts\(which) are drained"
            default: "all \(hosts.count) hosts\(which) are drained"
            }
        return (summary, "resume one: aibuild host resume \(first.name)")
    }

    /// Summary and remedy; `nil` if one of them is ready.
    var noneReady: (String, String)? {
        guard !hosts.isEmpty, present == 0 else { return nil }
        let more = reasons.count > Self.shown ? ", and \(reasons.count - Self.shown) more" : ""
        return (
            "no host\(which) is ready: " + reasons.prefix(Self.shown).joined(separator: ", ")
                + more,
            "run: aibuild host list"
        )
    }
}
