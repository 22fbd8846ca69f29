import BuildProtocol
import TextKit

/// Where a build may run: the free resources of the hosts, the filters and the score.
struct Placement {
    private let farm: Farm
    private var rooms: [Farm.Room]
    /// Those that are not full, in the order of the names: in a busy farm they are few.
    private var open: [Int]
    private var runningByGuestOS: [String: Int]
    private var webRootFreeBytes: Int64?

    init(_ world: World) {
        farm = world.farm
        rooms = farm.rooms
        open = rooms.indices.filter { [rooms] in rooms[$0].isOpen }
        runningByGuestOS = farm.runningByGuestOS
        webRootFreeBytes = world.webRootFreeBytes
    }

    var isFull: Bool { open.isEmpty }

    /// The best host for the build, or `nil`.
    func best(for build: QueuedBuild) -> Int? {
        guard concurrencyReason(build) == nil, webRootReason(build) == nil else { return nil }
        var untried: Candidate?
        var tried: Candidate?
        for index in open where rooms[index].holds(build.requirements) {
            guard rooms[index].isReady || mayFinish(build, at: index) else { continue }
            let found = candidate(build, index)
            let isTried =
                !build.failedHosts.isEmpty && build.failedHosts.contains(farm.hosts[index].name)
            // The costly check comes last, and only for a host that would be the best so far.
            if let best = isTried ? tried : untried, best.isBetter(than: found) { continue }
            guard impossible(build, at: index) == nil else { continue }
            if isTried { tried = found } else { untried = found }
        }
        if let untried { return untried.index }
        // A retry goes to another host, and back to a failed one only if no other can ever take it.
        guard let tried, !hasUntriedHost(build) else { return nil }
        return tried.index
    }

    mutating func start(_ build: QueuedBuild, at host: Int) {
        rooms[host].slots -= 1
        rooms[host].left.take(build.requirements)
        if !rooms[host].isOpen { open.removeAll { $0 == host } }
        // The image of a test is in the web root already.
        guard build.stage == .build else { return }
        runningByGuestOS[build.guestOS, default: 0] += 1
        webRootFreeBytes = webRootFreeBytes.map { $0 - build.requirements.diskBytes }
    }

    /// Cached base image first, then the emptiest host, then alphabetical order.
    private struct Candidate {
        var index: Int
        var isCached: Bool
        var freeShare: Double

        /// - Parameter other: comes later in the alphabet.
        func isBetter(than other: Candidate) -> Bool {
            isCached == other.isCached ? freeShare >= other.freeShare : isCached
        }
    }

    private func candidate(_ build: QueuedBuild, _ index: Int) -> Candidate {
        let isCached = build.baseImageSHA256.map {
            farm.hosts[index].report?.baseImages.contains($0) ?? false
        }
        return Candidate(
            index: index, isCached: isCached ?? false, freeShare: rooms[index].freeShare)
    }

    // MARK: Reasons against a host

    /// Why the host can never take the build, whatever runs there; `nil` if it could, or if nothing
    /// is known about it yet.
    func impossible(_ build: QueuedBuild, at host: Int) -> String? {
        impossible(build, farm.hosts[host].report)
    }

    /// Why it can never take the build, not even with the plugins that it is about to get.
    func neverPossible(_ build: QueuedBuild, at host: Int) -> String? {
        let reason = impossible(build, at: host)
        guard reason != nil, !farm.hosts[host].handedOut.isEmpty else { return reason }
        return impossible(build, farm.hosts[host].expected)
    }

    private func impossible(_ build: QueuedBuild, _ report: HostReport?) -> String? {
        guard let report else { return nil }
        let needs = build.requirements
        if let lack = build.needs.shortage(report) { return lack }
        if let accelerator = needs.accelerator, !report.accelerators.contains(accelerator) {
            let has = report.accelerators.sorted().map(\.rawValue).joined(separator: ", ")
            return "needs accelerator \(accelerator.rawValue), the host has \(has)"
        }
        if !needs.tags.isSubset(of: report.tags) {
            let missing = needs.tags.subtracting(report.tags).sorted()
            return "lacks the tag \(missing.joined(separator: ", "))"
        }
        let all = Farm.Amounts(
            vcpus: report.vcpus, memoryBytes: report.memoryBytes, diskBytes: report.diskTotalBytes)
        if let short = all.shortage(needs) {
            return "needs \(short.needed), the host has \(short.present)"
        }
        if build.stage == .test, let reason = untestable(build, report) { return reason }
        if let reason = unbuildable(build, report) { return reason }
        return report.slots < 1 ? "has no slots" : nil
    }

    private func untestable(_ build: QueuedBuild, _ report: HostReport) -> String? {
        guard report.runsTests == true else {
            return "cannot test images: its agent is too old, or QEMU, qemu-img or ssh is missing"
        }
        guard !build.testAbilities.isEmpty else { return nil }
        let missing = build.testAbilities.subtracting(
            (report.testAbilities ?? []).compactMap(TestAbility.init))
        if missing.contains(.uefi) {
            return "cannot boot images by UEFI: install its package ovmf, or upgrade its agent"
        }
        if missing.contains(.programText) {
            return "cannot run programs that are registered as test cases: upgrade its agent"
        }
        return nil
    }

    private func unbuildable(_ build: QueuedBuild, _ report: HostReport) -> String? {
        guard !build.buildAbilities.isEmpty else { return nil }
        let missing = build.buildAbilities.subtracting(
            (report.buildAbilities ?? []).compactMap(BuildAbility.init))
        return missing.map(\.need).min().map { "cannot \($0): upgrade its agent" }
    }

    /// Why the host cannot take the build now; `nil` if it can.
    func blocker(_ build: QueuedBuild, at host: Int) -> String? {
        let view = farm.hosts[host]
        let room = rooms[host]
        switch view.availability {
        case .ready: break
        case .away(let why): return why
        case .drained:
            if !mayFinish(build, at: host) { return view.drainReason }
        case .quarantined(_, let why): return why
        }
        guard let report = view.report else { return "has not reported yet" }
        if let reason = impossible(build, report) {
            return !view.handedOut.isEmpty && neverPossible(build, at: host) == nil
                ? reason + "; the coordinator hands it out" : reason
        }
        if room.slots < 1 {
            return report.slots == 1 ? "its slot is taken" : "all \(report.slots) slots are taken"
        }
        return room.left.shortage(build.requirements).map {
            "needs \($0.needed), \($0.present) free"
        }
    }

    /// Whether a host that is drained still takes it: the test of an image that was begun there and
    /// that no host in service can ever test. Otherwise the build would wait for a resume.
    func mayFinish(_ build: QueuedBuild, at host: Int) -> Bool {
        let view = farm.hosts[host]
        guard build.stage == .test, view.finishesTests, build.begunOn == view.name else {
            return false
        }
        return !farm.hosts.contains { $0.isInService && impossible(build, $0.report) == nil }
    }

    func concurrencyReason(_ build: QueuedBuild) -> String? {
        guard build.stage == .build, let limit = build.concurrency,
            runningByGuestOS[build.guestOS, default: 0] >= limit
        else { return nil }
        return "\(build.guestOS) may run \(limit) builds at once, and as many run"
    }

    func webRootReason(_ build: QueuedBuild) -> String? {
        guard build.stage == .build, let free = webRootFreeBytes,
            free < build.requirements.diskBytes
        else { return nil }
        return "the web root has \(ByteSize.text(free)) free, "
            + "the build may need \(ByteSize.text(build.requirements.diskBytes))"
    }

    private func hasUntriedHost(_ build: QueuedBuild) -> Bool {
        farm.hosts.contains { host in
            !build.failedHosts.contains(host.name) && host.isInService
                && impossible(build, host.report) == nil
        }
    }
}

extension BuildAbility {
    /// What an agent without it cannot do.
    fileprivate var need: String {
        switch self {
        case .jenkins: "run a command as a Jenkins job would"
        case .sha512: "verify a base image by its SHA-512"
        case .packerOptions: "call Packer as aibuild.yml says, or build a folder"
        case .environment: "set the `environment` of aibuild.yml"
        case .placeholders: "replace the placeholders of a Packer template"
        case .secrets: "take secrets of the coordinator"
        case .templateFolder: "build a template in a folder of its repository"
        case .artifacts: "collect what `artifacts` or `image` of aibuild.yml names"
        }
    }
}
