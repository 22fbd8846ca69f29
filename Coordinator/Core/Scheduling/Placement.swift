import BuildProtocol
import TextKit

/// Where a build may go: the rooms of the hosts, the filters and the score.
struct Placement {
    /// What is left of a host after what runs there.
    struct Room {
        var view: HostView
        var slots: Int
        var vcpus: Int
        var memoryBytes: Int64
        var diskBytes: Int64
        var running = 0
    }

    private(set) var rooms: [String: Room] = [:]
    /// Host names in order, so that the same world is always decided and told the same way.
    let names: [String]
    private var runningByGuestOS: [String: Int] = [:]
    private var webRootFreeBytes: Int64?

    init(_ world: World) {
        names = world.hosts.map(\.name).sorted()
        webRootFreeBytes = world.webRootFreeBytes
        for host in world.hosts {
            rooms[host.name] = Room(
                view: host, slots: host.report?.slots ?? 0, vcpus: host.report?.vcpus ?? 0,
                memoryBytes: host.report?.memoryBytes ?? 0,
                // The host's report subtracts what its attempts hold already.
                diskBytes: host.report?.diskFreeBytes ?? 0)
        }
        for build in world.running {
            if build.stage == .build { runningByGuestOS[build.guestOS, default: 0] += 1 }
            if let host = build.host { take(build.requirements, on: host, reserveDisk: false) }
        }
    }

    /// The best host for the build, or `nil`.
    func best(for build: QueuedBuild) -> String? {
        guard concurrencyReason(build) == nil, webRootReason(build) == nil else { return nil }
        let free = names.filter { blocker(build, on: $0) == nil }
        let others = free.filter { !build.failedHosts.contains($0) }
        // A retry goes to another host; back to a failed one only where no other could ever do.
        let candidates = others.isEmpty && !hasUntriedHost(build) ? free : others
        return candidates.max { score(build, $0) < score(build, $1) }
    }

    mutating func start(_ build: QueuedBuild, on host: String) {
        take(build.requirements, on: host, reserveDisk: true)
        // The image of a test is in the web root already.
        guard build.stage == .build else { return }
        runningByGuestOS[build.guestOS, default: 0] += 1
        webRootFreeBytes = webRootFreeBytes.map { $0 - build.requirements.diskBytes }
    }

    private mutating func take(_ needs: Requirements, on host: String, reserveDisk: Bool) {
        rooms[host]?.slots -= 1
        rooms[host]?.vcpus -= needs.vcpus
        rooms[host]?.memoryBytes -= needs.memoryBytes
        if reserveDisk { rooms[host]?.diskBytes -= needs.diskBytes }
        rooms[host]?.running += 1
    }

    /// Cached base image first, then the emptiest host; of equals the one first in the alphabet.
    private func score(_ build: QueuedBuild, _ host: String) -> (Int, Double, Int) {
        guard let room = rooms[host], let report = room.view.report else { return (0, 0, 0) }
        let cached = build.baseImageSHA256.map { report.baseImages.contains($0) } ?? false
        let free = Double(room.slots) / Double(max(1, report.slots))
        let rank = names.firstIndex(of: host) ?? 0
        return (cached ? 1 : 0, free, -rank)
    }

    // MARK: Why not

    /// Why the host can never take the build, whatever runs there; `nil` when it could or when
    /// nothing is known of it yet.
    func impossible(_ build: QueuedBuild, on host: String) -> String? {
        guard let report = rooms[host]?.view.report else { return nil }
        let needs = build.requirements
        if let accelerator = needs.accelerator, !report.accelerators.contains(accelerator) {
            let has = report.accelerators.sorted().map(\.rawValue).joined(separator: ", ")
            return "needs accelerator \(accelerator.rawValue), the host has \(has)"
        }
        let missing = needs.tags.subtracting(report.tags).sorted()
        if !missing.isEmpty { return "lacks the tag \(missing.joined(separator: ", "))" }
        if needs.vcpus > report.vcpus {
            return "needs \(needs.vcpus) vCPUs, the host has \(report.vcpus)"
        }
        if needs.memoryBytes > report.memoryBytes {
            return "needs \(ByteSize.text(needs.memoryBytes)) of memory, "
                + "the host has \(ByteSize.text(report.memoryBytes))"
        }
        if needs.diskBytes > report.diskTotalBytes {
            return "needs \(ByteSize.text(needs.diskBytes)) of disk, "
                + "the host's disk has \(ByteSize.text(report.diskTotalBytes))"
        }
        if build.stage == .test, let reason = untestable(build, report) { return reason }
        return report.slots < 1 ? "has no slots" : nil
    }

    private func untestable(_ build: QueuedBuild, _ report: HostReport) -> String? {
        guard report.runsTests == true else {
            return "cannot test images: its agent is too old, or QEMU, qemu-img or ssh is missing"
        }
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

    /// Why the host cannot take the build now; `nil` when it can.
    func blocker(_ build: QueuedBuild, on host: String) -> String? {
        guard let room = rooms[host] else { return "is not registered" }
        switch room.view.availability {
        case .ready: break
        case .away(let why): return why
        case .drained: return "is drained"
        case .quarantined(_, let why): return why
        }
        guard let report = room.view.report else { return "has not reported yet" }
        if let reason = impossible(build, on: host) { return reason }
        let needs = build.requirements
        if room.slots < 1 { return "all \(report.slots) slots are taken" }
        if needs.vcpus > room.vcpus {
            return "needs \(needs.vcpus) vCPUs, \(max(0, room.vcpus)) are free"
        }
        if needs.memoryBytes > room.memoryBytes {
            return "needs \(ByteSize.text(needs.memoryBytes)) of memory, "
                + "\(ByteSize.text(room.memoryBytes)) is free"
        }
        if needs.diskBytes > room.diskBytes {
            return "needs \(ByteSize.text(needs.diskBytes)) of disk, "
                + "\(ByteSize.text(room.diskBytes)) is free"
        }
        return nil
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
        names.contains { host in
            guard !build.failedHosts.contains(host), impossible(build, on: host) == nil else {
                return false
            }
            // A host that an admin took out is no alternative, nor is one that is away: it may be
            // gone for good, and the build would wait for ever. A quarantine ends by itself.
            switch rooms[host]?.view.availability {
            case .ready, .quarantined: return true
            case .away, .drained, nil: return false
            }
        }
    }
}
