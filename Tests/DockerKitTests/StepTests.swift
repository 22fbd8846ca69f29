import Testing

@testable import DockerKit

struct StepTests {
    /// The steps from a host's current state to the end, as an engine would execute them.
    private func steps(
        from start: ReplacementStep.Observation, crashAfter crash: Int? = nil
    ) throws -> (steps: [ReplacementStep], end: ReplacementStep.Observation) {
        var seen = start
        var steps: [ReplacementStep] = []
        while true {
            if steps.count == crash { seen.isWatched = false }
            let step = try ReplacementStep.next(seen)
            if step == .nothing { return (steps, seen) }
            steps.append(step)
            switch step {
            case .renameOld: (seen.current, seen.old) = (nil, start.old ?? .running)
            case .create: seen.current = .created
            case .stopOld: seen.old = .stopped
            case .start: seen.current = .started
            case .watch: seen.isWatched = true
            case .removeOld: seen.old = nil
            case .nothing: break
            }
            try #require(steps.count < 20)
        }
    }

    @Test("The steps run in the order of least downtime")
    func stepsAreOrdered() throws {
        #expect(
            try steps(from: .init(current: .other)).steps
                == [.renameOld, .create, .stopOld, .start, .watch, .removeOld])
        #expect(try steps(from: .init()).steps == [.create, .start, .watch])
    }

    @Test("The steps resume after a crash at any of them", arguments: 0...6)
    func stepsResumeAfterCrash(_ after: Int) throws {
        let (steps, end) = try steps(from: .init(current: .other), crashAfter: after)
        #expect(end == .init(current: .started, old: nil, isWatched: true))
        #expect(
            steps.filter { $0 != .watch } == [.renameOld, .create, .stopOld, .start, .removeOld])
    }

    @Test("Containers of someone else under both names are a conflict")
    func foreignContainersConflict() {
        #expect(throws: ReplacementStep.NameConflict.self) {
            try ReplacementStep.next(.init(current: .other, old: .running))
        }
    }
}
