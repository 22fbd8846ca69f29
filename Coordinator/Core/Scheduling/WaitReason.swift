/// Why a build waits, as a word for monitoring.
public enum WaitReason: String, Sendable, CaseIterable {
    /// A host is free for it: it starts in a moment, after those ahead of it.
    case starting
    case noRoom = "no_room"
    case otherHostPreferred = "other_host_preferred"
    case concurrency
    case webRootFull = "web_root_full"
    case pluginsMissing = "plugins_missing"
    case retryDelay = "retry_delay"
    case hostsDrained = "hosts_drained"
    case hostsNotReady = "hosts_not_ready"
    case noHosts = "no_hosts"
}

extension Scheduler {
    /// How many of the queued builds wait for what. Builds of the same shape wait for the same, so
    /// that it costs no more than a decision.
    public static func waitReasons(_ world: World) -> [WaitReason: Int] {
        let placement = Placement(world)
        var counts: [WaitReason: Int] = [:]
        for queue in world.queue.ready {
            guard let first = queue.first else { continue }
            counts[summary(first, 1, world, placement).reason, default: 0] += queue.builds.count
        }
        for build in world.queue.later.values {
            // A host that is drained is only looked for if there is none else: a retry that waits
            // for its time does so in nearly every case.
            let isDue = build.notBeforeMilliseconds <= world.nowMilliseconds
            let reason = isDue ? summary(build, 1, world, placement).reason : .retryDelay
            counts[reason, default: 0] += 1
        }
        return counts
    }
}
