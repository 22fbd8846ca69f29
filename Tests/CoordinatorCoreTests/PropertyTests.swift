import BuildProtocol
import CoordinatorCore
import Testing

/// Properties of every world. A failure names its seed; the same seed gives the same world.
@Suite struct PropertyTests {
    private static let seeds = 1...600

    @Test("No host is overcommitted")
    func noHostIsOvercommitted() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let world = random.world()
            let after = world.carriedOut()
            for view in world.hosts {
                let new = after.running.filter {
                    world.farm.running[$0.id] == nil && $0.host == view.name
                }
                guard !new.isEmpty else { continue }
                guard let report = view.report, view.availability == .ready else {
                    Issue.record("seed \(seed): \(view.name) was not ready")
                    continue
                }
                let all = after.running.filter { $0.host == view.name }.map(\.requirements)
                #expect(all.count <= report.slots, "seed \(seed)")
                #expect(all.map(\.vcpus).reduce(0, +) <= report.vcpus, "seed \(seed)")
                #expect(all.map(\.memoryBytes).reduce(0, +) <= report.memoryBytes, "seed \(seed)")
                let disk = new.map(\.requirements.diskBytes).reduce(0, +)
                #expect(disk <= report.diskFreeBytes, "seed \(seed)")
                for needs in new.map(\.requirements) {
                    #expect(needs.tags.isSubset(of: report.tags), "seed \(seed)")
                    #expect(needs.accelerator.map(report.accelerators.contains) ?? true, "\(seed)")
                }
            }
            if let free = world.webRootFreeBytes {
                let new = after.running.filter { world.farm.running[$0.id] == nil }
                #expect(
                    new.isEmpty || new.map(\.requirements.diskBytes).reduce(0, +) <= free,
                    "seed \(seed)")
            }
        }
    }

    @Test("No build is started twice or out of turn")
    func noBuildIsStartedTwiceOrOutOfTurn() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let world = random.world()
            let due = Set(world.queue.builds.filter { $0.notBeforeMilliseconds <= 1_000 }.map(\.id))
            var seen: Set<String> = []
            for decision in Scheduler.decide(world) {
                switch decision {
                case .start(let id, _), .fail(let id, _):
                    #expect(due.contains(id), "seed \(seed): \(id)")
                    #expect(seen.insert(id).inserted, "seed \(seed): \(id) twice")
                case .wake(let wait): #expect(wait > 0, "seed \(seed)")
                }
            }
        }
    }

    @Test("No guest OS runs more than its concurrency")
    func noGuestOSRunsMoreThanItsConcurrency() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let world = random.world()
            let after = world.carriedOut()
            let started = Set(world.startedIDs)
            for build in world.queue.builds where started.contains(build.id) {
                guard let limit = build.concurrency else { continue }
                // A later start without a limit may exceed it; this build itself may not.
                let order = world.startedIDs
                guard let index = order.firstIndex(of: build.id) else { continue }
                let before =
                    world.running.filter { $0.guestOS == build.guestOS }.count
                    + order[..<index].filter { id in
                        after.running.contains { $0.id == id && $0.guestOS == build.guestOS }
                    }.count
                #expect(before < limit, "seed \(seed): \(build.id)")
            }
        }
    }

    @Test("No build that could run is left waiting")
    func nothingWaitsInVain() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let world = random.world()
            let after = world.carriedOut()
            for build in after.queue.builds where build.notBeforeMilliseconds <= 1_000 {
                let fitting = after.hosts.filter { after.fits(build, $0) }
                // A retry may wait for a host that it has not tried.
                let untried = fitting.filter { !build.failedHosts.contains($0.name) }
                #expect(untried.isEmpty, "seed \(seed): \(build.id) fits \(untried.map(\.name))")
                if !fitting.isEmpty {
                    #expect(
                        after.mayFindAnother(build), "seed \(seed): \(build.id) waits in vain")
                }
            }
            #expect(after.starts.isEmpty, "seed \(seed): a second look finds more")
        }
    }

    @Test("No lower priority overtakes a build with the same needs")
    func noLowerPriorityOvertakesTheSameNeeds() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let world = random.world()
            let started = Set(world.startedIDs)
            let due = world.queue.builds.filter { $0.notBeforeMilliseconds <= 1_000 }
            for waiting in due where !started.contains(waiting.id) {
                for other in due where started.contains(other.id) {
                    let same =
                        other.requirements == waiting.requirements
                        && other.guestOS == waiting.guestOS
                        && other.concurrency == waiting.concurrency
                        && other.failedHosts == waiting.failedHosts
                    #expect(
                        !same || other.priority >= waiting.priority,
                        "seed \(seed): \(other.id) before \(waiting.id)")
                }
            }
        }
    }

    @Test("The same world gets the same decisions")
    func decisionsAreDeterministic() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            var world = random.world()
            let first = Scheduler.decide(world)
            world.farm = Farm(
                world.hosts.shuffled(using: &random),
                running: world.running.shuffled(using: &random))
            guard Scheduler.decide(world) == first else {
                Issue.record("seed \(seed)")
                return
            }
        }
    }

    @Test("The explanation agrees with the decision")
    func explanationMatchesDecision() {
        for seed in Self.seeds {
            var random = Seeded(seed: seed)
            let after = random.world().carriedOut()
            let explained = Scheduler.explain(after)
            #expect(explained.count == after.queue.builds.count, "seed \(seed)")
            #expect(explained.map(\.waiting.position) == Array(1..<(after.queue.builds.count + 1)))
            for (id, waiting) in explained {
                #expect(!waiting.summary.isEmpty && !waiting.remedy.isEmpty)
                #expect((waiting.etaSeconds == nil) == (waiting.etaReason != nil), "seed \(seed)")
                #expect(waiting.hosts.map(\.host) == after.hosts.map(\.name).sorted(), "\(id)")
            }
        }
    }
}

extension World {
    var startedIDs: [String] {
        Scheduler.decide(self).compactMap { decision in
            if case .start(let build, _) = decision { build } else { nil }
        }
    }

    /// The world after the decisions: started builds run, failed ones are gone.
    func carriedOut() -> World {
        var after = self
        let builds = Dictionary(queue.builds.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        for decision in Scheduler.decide(self) {
            switch decision {
            case .start(let id, let name):
                guard let build = builds[id] else { continue }
                after.queue.remove(build)
                after.farm.begin(runs(id, on: name, build.requirements, guestOS: build.guestOS))
                if var view = after.hosts.first(where: { $0.name == name }) {
                    view.report?.diskFreeBytes -= build.requirements.diskBytes
                    after.farm.update(HostChanges(changed: [view]))
                }
                after.webRootFreeBytes = after.webRootFreeBytes.map {
                    $0 - build.requirements.diskBytes
                }
            case .fail(let id, _):
                if let build = builds[id] { after.queue.remove(build) }
            case .wake: break
            }
        }
        return after
    }

    /// Computed independently of the scheduler.
    func fits(_ build: QueuedBuild, _ view: HostView) -> Bool {
        guard view.availability == .ready, let report = view.report else { return false }
        let here = running.filter { $0.host == view.name }.map(\.requirements)
        let needs = build.requirements
        if let limit = build.concurrency,
            running.filter({ $0.guestOS == build.guestOS }).count >= limit
        {
            return false
        }
        if let free = webRootFreeBytes, free < needs.diskBytes { return false }
        return here.count < report.slots
            && here.map(\.vcpus).reduce(0, +) + needs.vcpus <= report.vcpus
            && here.map(\.memoryBytes).reduce(0, +) + needs.memoryBytes <= report.memoryBytes
            && needs.diskBytes <= report.diskFreeBytes
            && needs.diskBytes <= report.diskTotalBytes
            && needs.tags.isSubset(of: report.tags)
            && (needs.accelerator.map(report.accelerators.contains) ?? true)
    }

    /// Whether a host that this build has not tried could take it once it is free.
    func mayFindAnother(_ build: QueuedBuild) -> Bool {
        hosts.contains { view in
            if build.failedHosts.contains(view.name) { return false }
            switch view.availability {
            case .away, .drained: return false
            case .ready, .quarantined: break
            }
            guard let report = view.report else { return true }
            var idle = view
            idle.availability = .ready
            idle.report?.diskFreeBytes = report.diskTotalBytes
            var free = self
            free.farm = Farm(hosts)
            free.webRootFreeBytes = nil
            return free.fits(build, idle)
        }
    }
}
