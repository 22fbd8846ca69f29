import BuildProtocol
@testable import CoordinatorCore
import Testing

/// The farm that is kept as hosts and builds change is the one that would be made anew.
@Suite struct FarmTests {
    @Test("A farm kept change by change is decided about like one made anew")
    func keptAsIfMadeAnew() {
        for seed in 1...40 {
            var random = Seeded(seed: seed)
            var world = random.world()
            var hosts = Dictionary(uniqueKeysWithValues: world.hosts.map { ($0.name, $0) })
            var running = world.farm.running
            for step in 0..<60 {
                let name = "h\(Int.random(in: 0..<8, using: &random))"
                let id = "r\(Int.random(in: 0..<12, using: &random))"
                switch Int.random(in: 0..<5, using: &random) {
                case 0:
                    hosts[name] = nil
                    world.farm.update(HostChanges(removed: [name]))
                case 1, 2:
                    let (view, other) = (random.view(name), random.view("other\(step)"))
                    hosts[name] = view
                    hosts[other.name] = other
                    world.farm.update(HostChanges(changed: [other, view]))
                case 3:
                    running[id] = nil
                    world.farm.end(id)
                default:
                    // Also on a host that is not registered, and one that was there before.
                    let build = runs(
                        id, on: random.chance(80) ? name : nil, random.requirements(),
                        guestOS: random.one(of: ["debian", "win"]))
                    running[id] = build
                    world.farm.begin(build)
                }
                var anew = world
                anew.farm = Farm(Array(hosts.values), running: running.values)
                guard world.hosts == anew.hosts, world.farm.running == running,
                    world.farm.reservedBytes == anew.farm.reservedBytes,
                    Scheduler.decide(world) == Scheduler.decide(anew),
                    world.explained == anew.explained
                else {
                    Issue.record("seed \(seed), step \(step)")
                    return
                }
            }
        }
    }
}

extension World {
    fileprivate var explained: [Waiting] { Scheduler.explain(self).map(\.waiting) }
}
