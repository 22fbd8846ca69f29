import BuildProtocol
import CoordinatorCore
import Testing

/// Golden scripts: the effects of the machine, event by event.
@Suite struct BuildMachineTests {
    @Test("A script of events gives its effects", arguments: MachineScripts.all)
    func script(_ script: String) { #expect(MachineScript.played(script) == script) }

    @Test("A file left by a test is never an image")
    func testLeavesNoImage() {
        let finished = MachineScript.tested(.passed)
        #expect(!finished.artifacts.isEmpty)
        var machine = BuildMachine(stage: .running, tests: MachineScript.tests)
        _ = machine.handle(.finished(finished))
        var kept = finished
        kept.artifacts = []
        kept.tests = finished.tests?.filter { $0.name == "boots" }
        #expect(
            machine.handle(.logChecked(matches: true)) == [.advance(.publishing), .publish(kept)])
    }

    /// Compares every event in every stage with the table.
    @Test("Every event is scripted in every stage")
    func tableIsComplete() {
        var rows: [String] = []
        for (stage, machine) in Self.machines {
            for (name, event) in MachineScript.events {
                var machine = machine
                let effects = machine.handle(event).map(MachineScript.word)
                guard !effects.isEmpty || MachineScript.name(machine.stage) != stage else {
                    continue
                }
                rows.append(
                    "\(stage): \(name) -> \(effects.joined(separator: ", ")) "
                        + "[\(MachineScript.name(machine.stage))]")
            }
        }
        #expect(rows.joined(separator: "\n") == MachineScripts.table)
    }

    /// Events in any order give one end, and no effects after it.
    @Test("An attempt ends once under any events")
    func attemptEndsOnce() {
        for seed in 1...2_000 {
            var random = Seeded(seed: seed)
            var machine = BuildMachine(
                stage: random.chance(50) ? .dispatching : .running,
                cancelReason: random.chance(10) ? "enough" : nil)
            var ends = 0
            var wasCancelled = false
            for _ in 0..<60 {
                let event = random.one(of: MachineScript.events).1
                if case .cancel = event, machine.stage != .ended { wasCancelled = true }
                let before = machine.stage
                let effects = machine.handle(event)
                if before == .ended { #expect(effects.isEmpty, "seed \(seed)") }
                for case .end(let end, let image) in effects {
                    ends += 1
                    #expect(machine.stage == .ended, "seed \(seed)")
                    #expect(image == nil || end.outcome.passed, "seed \(seed)")
                    #expect(!wasCancelled || !end.outcome.passed || image == nil, "seed \(seed)")
                }
            }
            #expect(ends <= 1, "seed \(seed)")
        }
    }

    private static var machines: [(String, BuildMachine)] {
        let finished = MachineScript.finished(nil)
        let stages: [BuildMachine.Stage] = [
            .dispatching, .running, .checking(finished), .collecting(finished),
            .publishing(finished), .ended,
        ]
        return stages.map { (MachineScript.name($0), BuildMachine(stage: $0)) }
    }

    @Test("Numbers that no honest agent reports end the attempt with a fault of its host")
    func impossibleNumbers() {
        let changes: [(inout Finished) -> Void] = [
            { $0.logBytes = .min }, { $0.logBytes = .max },
            { $0.artifacts[0].sizeBytes = .max }, { $0.artifacts[0].sizeBytes = -1 },
            { $0.artifacts[0].virtualSizeBytes = .max },
            { $0.startedUnixMilliseconds = .min }, { $0.endedUnixMilliseconds = .max },
            { $0.artifacts = Array(repeating: $0.artifacts[0], count: 65) },
        ]
        for change in changes {
            var finished = MachineScript.finished(nil)
            change(&finished)
            var machine = BuildMachine(stage: .running)
            let effects = machine.handle(.finished(finished))
            guard case .end(let end, nil)? = effects.first else {
                Issue.record("\(effects)")
                continue
            }
            #expect(end.outcome.fault?.code == .hostError)
            #expect(end.artifacts.isEmpty && end.logBytes == nil)
        }
    }
}
