import BuildProtocol
import TextKit

/// The hosts, what runs on them, and what is left of each. Updated as hosts and builds change, so
/// that a decision costs nothing for what has not.
public struct Farm: Sendable {
    /// What is left of a host after what runs there. Numbers only: a decision works on a copy.
    struct Room {
        let isReady: Bool
        private let isDraining: Bool
        private var allSlots: Int
        var slots: Int
        var left: Amounts
        let quarantineMilliseconds: Int64?

        init(_ view: HostView, _ taken: Taken) {
            isReady = view.availability == .ready
            isDraining = view.finishesTests
            allSlots = view.report?.slots ?? 0
            slots = allSlots - taken.slots
            left = Amounts(
                vcpus: (view.report?.vcpus ?? 0) &- taken.vcpus,
                memoryBytes: (view.report?.memoryBytes ?? 0) &- taken.memoryBytes,
                // The host's report already subtracts what its attempts reserve.
                diskBytes: view.report?.diskFreeBytes ?? 0)
            quarantineMilliseconds = view.quarantineMilliseconds
        }

        /// For anything; a host that drains, for what it finishes.
        var isOpen: Bool { (isReady || isDraining) && slots >= 1 }
        var freeShare: Double { Double(slots) / Double(max(1, allSlots)) }

        func holds(_ needs: Requirements) -> Bool { isOpen && left.cover(needs) }
    }

    /// What builds use of a host, besides its slots.
    struct Amounts {
        var vcpus: Int
        var memoryBytes: Int64
        var diskBytes: Int64

        func cover(_ needs: Requirements) -> Bool {
            vcpus >= needs.vcpus && memoryBytes >= needs.memoryBytes
                && diskBytes >= needs.diskBytes
        }

        mutating func take(_ needs: Requirements) {
            vcpus &-= needs.vcpus
            memoryBytes &-= needs.memoryBytes
            diskBytes &-= needs.diskBytes
        }

        /// What is short, and how much of it there is.
        func shortage(_ needs: Requirements) -> (needed: String, present: String)? {
            if needs.vcpus > vcpus { return ("\(needs.vcpus) vCPUs", "\(max(0, vcpus))") }
            let sizes = [
                ("memory", needs.memoryBytes, memoryBytes), ("disk", needs.diskBytes, diskBytes),
            ]
            return sizes.first { $0.1 > $0.2 }.map { name, needed, present in
                ("\(ByteSize.text(needed)) of \(name)", ByteSize.text(present))
            }
        }
    }

    /// What runs on a host. Each number is bounded; how many are added up is not, so the sums wrap
    /// instead of trapping, and are right again when the builds have left.
    struct Taken {
        var slots = 0
        var vcpus = 0
        var memoryBytes: Int64 = 0

        mutating func add(_ needs: Requirements) {
            slots += 1
            vcpus &+= needs.vcpus
            memoryBytes &+= needs.memoryBytes
        }

        mutating func subtract(_ needs: Requirements) {
            slots -= 1
            vcpus &-= needs.vcpus
            memoryBytes &-= needs.memoryBytes
        }
    }

    /// In the order of the names, so that the same farm always gives the same decisions and texts.
    public private(set) var hosts: [HostView] = []
    /// One for each of `hosts`.
    private(set) var rooms: [Room] = []
    private var indexByName: [String: Int] = [:]
    /// By build.
    public private(set) var running: [String: RunningBuild] = [:]
    private(set) var runningByGuestOS: [String: Int] = [:]
    /// Also of hosts that are not registered any more, and may be again.
    private var taken: [String: Taken] = [:]
    /// What running builds may still need of the web root. The image of a test is there already.
    public private(set) var reservedBytes: Int64 = 0

    public init() {}

    public init(_ hosts: [HostView], running: some Sequence<RunningBuild> = []) {
        for build in running { begin(build) }
        arrange(hosts)
    }

    /// Until the next quarantine ends; `nil` if there is none.
    var quarantineMilliseconds: Int64? { rooms.lazy.compactMap(\.quarantineMilliseconds).min() }

    // MARK: Hosts

    public mutating func update(_ changes: HostChanges) {
        var new: [HostView] = []
        for view in changes.changed {
            if let index = indexByName[view.name] {
                hosts[index] = view
                rooms[index] = Room(view, taken[view.name] ?? Taken())
            } else {
                new.append(view)
            }
        }
        let gone = changes.removed.filter { indexByName[$0] != nil }
        guard !new.isEmpty || !gone.isEmpty else { return }
        arrange(hosts.filter { !gone.contains($0.name) } + new)
    }

    private mutating func arrange(_ views: [HostView]) {
        let newest = Dictionary(views.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        hosts = newest.values.sorted { $0.name < $1.name }
        rooms = hosts.map { Room($0, taken[$0.name] ?? Taken()) }
        indexByName = Dictionary(
            uniqueKeysWithValues: hosts.enumerated().map { ($0.element.name, $0.offset) })
    }

    // MARK: Builds

    public mutating func begin(_ build: RunningBuild) {
        end(build.id)
        running[build.id] = build
        if let host = build.host { change(host) { $0.add(build.requirements) } }
        guard build.stage == .build else { return }
        runningByGuestOS[build.guestOS, default: 0] += 1
        reservedBytes &+= build.requirements.diskBytes
    }

    public mutating func end(_ id: String) {
        guard let build = running.removeValue(forKey: id) else { return }
        if let host = build.host { change(host) { $0.subtract(build.requirements) } }
        guard build.stage == .build else { return }
        runningByGuestOS[build.guestOS, default: 0] -= 1
        reservedBytes &-= build.requirements.diskBytes
    }

    private mutating func change(_ host: String, _ body: (inout Taken) -> Void) {
        var all = taken[host] ?? Taken()
        body(&all)
        taken[host] = all.slots == 0 ? nil : all
        if let index = indexByName[host] { rooms[index] = Room(hosts[index], all) }
    }
}

/// What is new of the hosts since somebody looked at them last.
public struct HostChanges: Sendable {
    /// The hosts of which something is new, as they are now.
    public var changed: [HostView]
    public var removed: [String]

    public init(changed: [HostView] = [], removed: [String] = []) {
        self.changed = changed
        self.removed = removed
    }
}
