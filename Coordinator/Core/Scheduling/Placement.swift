import BuildProtocol
import TextKit

/// Where a build may run: the free resources of the hosts, the filters and the score.
struct Placement {
    /// The resources of a host that its running builds leave free.
    private struct Room {
        let name: String
        let view: HostView
        var slots: Int
        var vcpus: Int
        var memoryBytes: Int64
        var diskBytes: Int64

        init(_ view: HostView) {
            name = view.name
            self.view = view
            slots = view.report?.slots ?? 0
            vcpus = view.report?.vcpus ?? 0
            memoryBytes = view.report?.memoryBytes ?? 0
            // The host's report already subtracts what its attempts reserve.
            diskBytes = view.report?.diskFreeBytes ?? 0
        }

        mutating func take(_ needs: Requirements, reserveDisk: Bool) {
            slots -= 1
            vcpus -= needs.vcpus
            memoryBytes -= needs.memoryBytes
            if reserveDisk { diskBytes -= needs.diskBytes }
        }

        func holds(_ needs: Requirements) -> Bool {
            slots >= 1 && vcpus >= needs.vcpus && memoryBytes >= needs.memoryBytes
                && diskBytes >= needs.diskBytes
        }
    }

    /// In the order of the names, so that the same world always gives the same decisions and texts.
    private var rooms: [Room]
    private let indexByName: [String: Int]
    private var runningByGuestOS: [String: Int] = [:]
    private var webRootFreeBytes: Int64?

    init(_ world: World) {
        rooms = world.hosts.map(Room.init).sorted { $0.name < $1.name }
        indexByName = Dictionary(
            rooms.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { $1 })
        webRootFreeBytes = world.webRootFreeBytes
        for build in world.running {
            if build.stage == .build { runningByGuestOS[build.guestOS, default: 0] += 1 }
            guard let host = build.host, let index = indexByName[host] else { continue }
            rooms[index].take(build.requirements, reserveDisk: false)
        }
    }

    var names: [String] { rooms.map(\.name) }

    /// The best host for the build, or `nil`.
    func best(for build: QueuedBuild) -> String? {
        guard concurrencyReason(build) == nil, webRootReason(build) == nil else { return nil }
        var untried: Candidate?
        var tried: Candidate?
        // Most hosts of a busy farm are full, which their numbers show without formatting a reason.
        for index in rooms.indices
        where rooms[index].holds(build.requirements) && blocker(build, rooms[index]) == nil {
            let found = candidate(build, index)
            if build.failedHosts.contains(rooms[index].name) {
                tried = tried.map { $0.isBetter(than: found) ? $0 : found } ?? found
            } else {
                untried = untried.map { $0.isBetter(than: found) ? $0 : found } ?? found
            }
        }
        if let untried { return rooms[untried.index].name }
        // A retry goes to another host, and back to a failed one only if no other can ever take it.
        guard let tried, !hasUntriedHost(build) else { return nil }
        return rooms[tried.index].name
    }

    mutating func start(_ build: QueuedBuild, on host: String) {
        if let index = indexByName[host] {
            rooms[index].take(build.requirements, reserveDisk: true)
        }
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
        let report = rooms[index].view.report
        return Candidate(
            index: index,
            isCached: build.baseImageSHA256.map { report?.baseImages.contains($0) ?? false }
                ?? false,
            freeShare: Double(rooms[index].slots) / Double(max(1, report?.slots ?? 1)))
    }

    // MARK: Reasons against a host

    /// Why the host can never take the build, whatever runs there; `nil` if it could, or if nothing
    /// is known about it yet.
    func impossible(_ build: QueuedBuild, on host: String) -> String? {
        indexByName[host].flatMap { impossible(build, rooms[$0].view.report) }
    }

    private func impossible(_ build: QueuedBuild, _ report: HostReport?) -> String? {
        guard let report else { return nil }
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

    /// Why the host cannot take the build now; `nil` if it can.
    func blocker(_ build: QueuedBuild, on host: String) -> String? {
        guard let index = indexByName[host] else { return "is not registered" }
        return blocker(build, rooms[index])
    }

    private func blocker(_ build: QueuedBuild, _ room: Room) -> String? {
        switch room.view.availability {
        case .ready: break
        case .away(let why): return why
        case .drained: return "is drained"
        case .quarantined(_, let why): return why
        }
        guard let report = room.view.report else { return "has not reported yet" }
        if let reason = impossible(build, report) { return reason }
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
        rooms.contains { room in
            guard !build.failedHosts.contains(room.name),
                impossible(build, room.view.report) == nil
            else { return false }
            // A drained host is not an alternative, nor is an unreachable one: it may be gone for
            // good, and the build would wait for ever. A quarantine ends by itself.
            switch room.view.availability {
            case .ready, .quarantined: return true
            case .away, .drained: return false
            }
        }
    }
}
