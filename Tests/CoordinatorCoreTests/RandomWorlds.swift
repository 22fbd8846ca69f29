import BuildProtocol
import CoordinatorCore

/// SplitMix64: the same seed gives the same world on every machine.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func one<T>(of choices: [T]) -> T {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

extension Seeded {
    private static let tags = ["ssd", "win", "big"]

    mutating func tags(_ percent: Int) -> Set<String> {
        var found: Set<String> = []
        for tag in Self.tags where chance(percent) { found.insert(tag) }
        return found
    }

    mutating func requirements() -> Requirements {
        needs(
            vcpus: one(of: [1, 1, 2, 4]), memory: one(of: [1, 2, 4]) * giB,
            disk: one(of: [1, 5, 20]) * giB, accelerator: one(of: [nil, nil, .tcg, .kvm]),
            tags: tags(10))
    }

    mutating func view(_ name: String) -> HostView {
        var availability = HostView.Availability.ready
        if chance(30) {
            availability = one(of: [
                .away("no route"), .drained,
                .quarantined(remainingMilliseconds: 4_000, "is quarantined"),
            ])
        }
        let total = Int64.random(in: 10...100, using: &self) * giB
        var view = host(
            name, slots: Int.random(in: 0...4, using: &self),
            vcpus: Int.random(in: 1...8, using: &self),
            memory: Int64.random(in: 1...16, using: &self) * giB,
            disk: Int64.random(in: 0...(total / giB), using: &self) * giB, diskTotal: total,
            accelerators: one(of: [[.tcg], [.kvm], [.kvm, .tcg], []]), tags: tags(50),
            baseImages: chance(30) ? ["image"] : [], availability)
        if chance(10) { view.report = nil }
        return view
    }

    /// A farm at work: what runs fits, because the agents have accepted it.
    mutating func world() -> World {
        let names = (0..<Int.random(in: 0...6, using: &self)).map { "h\($0)" }
        let hosts = names.map { view($0) }
        var running: [RunningBuild] = []
        for view in hosts {
            guard let report = view.report else { continue }
            var vcpus = report.vcpus
            var memory = report.memoryBytes
            for slot in 0..<report.slots where chance(40) {
                let requirements = requirements()
                guard requirements.vcpus <= vcpus, requirements.memoryBytes <= memory else {
                    continue
                }
                vcpus -= requirements.vcpus
                memory -= requirements.memoryBytes
                running.append(
                    runs(
                        "r\(view.name)\(slot)", on: view.name, requirements,
                        guestOS: one(of: ["debian", "centos", "win"])))
            }
        }
        let queue = (0..<Int.random(in: 0...40, using: &self)).map { index in
            queued(
                "q\(index)", requirements(), guestOS: one(of: ["debian", "centos", "win"]),
                owner: one(of: ["anna", "boris", "cleo"]), priority: one(of: [0, 0, 0, 5, -5]),
                at: Int64(index), notBefore: one(of: [0, 0, 0, 1_000, 1_001, 9_000]),
                concurrency: one(of: [nil, nil, 1, 3]),
                failed: Set(names.filter { _ in chance(10) }),
                baseImage: one(of: [nil, "image", "other"]))
        }
        return CoordinatorCoreTests.world(
            hosts, queue, running: running, now: 1_000,
            use: ["anna": Double.random(in: 0...500, using: &self), "boris": 100],
            webRoot: chance(30) ? Int64.random(in: 0...100, using: &self) * giB : nil)
    }
}
