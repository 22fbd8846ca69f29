import BuildProtocol
@testable import CoordinatorCore

// Helpers that build worlds, so that a test shows only what it is about.

let giB: Int64 = 1 << 30

/// A host on which nothing but slots is scarce unless a test says so.
func host(
    _ name: String, slots: Int = 2, vcpus: Int = 64, memory: Int64 = 256 * giB,
    disk: Int64 = 1000 * giB, diskTotal: Int64? = nil, accelerators: Set<Accelerator> = [.tcg],
    tags: Set<String> = [], baseImages: [String] = [],
    _ availability: HostView.Availability = .ready
) -> HostView {
    HostView(
        name: name, availability: availability,
        report: HostReport(
            slots: slots, vcpus: vcpus, memoryBytes: memory, diskFreeBytes: disk,
            diskTotalBytes: diskTotal ?? max(disk, 1000 * giB), accelerators: accelerators,
            tags: tags, baseImages: baseImages, unixMilliseconds: 0))
}

func needs(
    vcpus: Int = 1, memory: Int64 = giB, disk: Int64 = giB, accelerator: Accelerator? = nil,
    tags: Set<String> = []
) -> Requirements {
    Requirements(
        vcpus: vcpus, memoryBytes: memory, diskBytes: disk, accelerator: accelerator, tags: tags)
}

func queued(
    _ id: String, _ requirements: Requirements = needs(), guestOS: String = "debian",
    owner: String = "team", priority: Int = 0, at submitted: Int64 = 0, notBefore: Int64 = 0,
    concurrency: Int? = nil, failed: Set<String> = [], baseImage: String? = nil,
    tests: Requirements? = nil
) -> QueuedBuild {
    QueuedBuild(
        id: id, guestOS: guestOS, owner: owner, priority: priority,
        submittedMilliseconds: submitted, notBeforeMilliseconds: notBefore,
        requirements: requirements, concurrency: concurrency, failedHosts: failed,
        baseImageSHA256: baseImage, tests: tests)
}

func runs(
    _ id: String, on host: String?, _ requirements: Requirements = needs(),
    stage: BuildStage = .build, guestOS: String = "debian", owner: String = "team",
    since started: Int64 = 0, tests: Requirements? = nil
) -> RunningBuild {
    RunningBuild(
        id: id, stage: stage, guestOS: guestOS, owner: owner, host: host,
        requirements: requirements, startedMilliseconds: started, tests: tests)
}

func world(
    _ hosts: [HostView], _ queue: [QueuedBuild], running: [RunningBuild] = [], now: Int64 = 0,
    use: [String: Double] = [:], webRoot: Int64? = nil, usual: [String: UsualDurations] = [:]
) -> World {
    var waiting = BuildQueue(queue)
    waiting.releaseDue(at: now)
    return World(
        nowMilliseconds: now, farm: Farm(hosts, running: running), queue: waiting, use: use,
        webRootFreeBytes: webRoot, usual: usual)
}

extension BuildQueue {
    var builds: [QueuedBuild] { ready.flatMap(\.builds) + later.values }
}

extension World {
    var hosts: [HostView] { farm.hosts }
    var running: [RunningBuild] { farm.running.values.sorted { $0.id < $1.id } }

    /// What the scheduler starts, in its order, as `build@host`.
    var starts: [String] {
        Scheduler.decide(self).compactMap { decision in
            if case .start(let build, let host) = decision { "\(build)@\(host)" } else { nil }
        }
    }

    var failures: [String: Fault] {
        Scheduler.decide(self).reduce(into: [:]) { found, decision in
            if case .fail(let build, let fault) = decision { found[build] = fault }
        }
    }

    var wakeAt: Int64? {
        Scheduler.decide(self).compactMap { decision in
            if case .wake(let wait) = decision { nowMilliseconds + wait } else { nil }
        }.min()
    }

    func waiting(_ id: String) -> Waiting? {
        Scheduler.explain(self, only: id).first?.waiting
    }

    func reason(_ id: String, _ host: String) -> String? {
        waiting(id)?.hosts.first { $0.host == host }?.reason
    }
}

extension UsualDurations {
    /// Every build, and every test, has taken as long.
    static func always(build: StageDuration, test: StageDuration? = nil) -> UsualDurations {
        UsualDurations(
            build: Array(repeating: build, count: 20),
            test: test.map { Array(repeating: $0, count: 20) } ?? [])
    }
}
