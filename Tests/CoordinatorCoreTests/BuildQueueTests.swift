@testable import CoordinatorCore
import Testing

/// Compares the incrementally sorted queue with a fully sorted one.
@Suite struct BuildQueueTests {
    @Test("Each shape's queue stays in the order of submission")
    func submissionOrder() {
        for seed in 1...40 {
            var random = Seeded(seed: seed)
            var queue = BuildQueue()
            var kept: [String: QueuedBuild] = [:]
            for index in 0..<300 {
                if random.chance(60) || kept.isEmpty {
                    let build = queued(
                        "q\(index)", owner: random.one(of: ["anna", "boris"]),
                        at: Int64.random(in: 0...50, using: &random),
                        notBefore: random.one(of: [0, 0, 500, 2_000]))
                    queue.insert(build)
                    kept[build.id] = build
                } else {
                    // Mostly the oldest leaves, as on a farm; now and then one from the middle.
                    let all = kept.values.sorted(by: BuildQueue.ShapeQueue.precedes)
                    let gone = random.chance(70) ? all[0] : random.one(of: all)
                    queue.remove(gone)
                    queue.remove(gone)
                    kept[gone.id] = nil
                }
                if random.chance(5) { queue.releaseDue(at: 1_000) }
            }
            queue.releaseDue(at: 1_000)
            let ripe = kept.values.filter { $0.notBeforeMilliseconds <= 1_000 }
            for owner in ["anna", "boris"] {
                let expected = ripe.filter { $0.owner == owner }
                    .sorted(by: BuildQueue.ShapeQueue.precedes)
                let line = queue.ready.first { $0.first?.owner == owner }
                #expect(line.map { Array($0.builds) } ?? [] == expected, "seed \(seed)")
            }
            #expect(queue.ready.count <= 2, "an empty line is none")
            #expect(
                Set(queue.later.keys)
                    == Set(kept.values.filter { $0.notBeforeMilliseconds > 1_000 }.map(\.id)))
        }
    }

    /// A delay that was computed before the clock was set back is void.
    @Test("A wait longer than any delay is over")
    func excessiveDelay() {
        var queue = BuildQueue([queued("b", notBefore: 10_000_000)])
        queue.releaseDue(at: 1_000)
        #expect(queue.ready.map { $0.builds.map(\.id) } == [["b"]])
        #expect(queue.later.isEmpty)
    }

    /// A build whose delay has passed is queued by its submission time, and can leave the queue.
    @Test("A build that is due leaves its queue")
    func dueBuildLeaves() {
        let (late, early) = (queued("late", at: 9), queued("early", at: 1, notBefore: 500))
        var queue = BuildQueue([late, early])
        queue.releaseDue(at: 600)
        #expect(queue.builds.map(\.id) == ["early", "late"])
        queue.remove(early)
        #expect(queue.builds == [late])
    }
}
