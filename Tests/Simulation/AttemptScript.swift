import BuildProtocol
import CoordinatorCore
import Support

/// What becomes of one attempt, drawn when it begins.
struct AttemptScript: Sendable {
    struct Step: Sendable {
        var afterMilliseconds: Int64
        var state: AttemptState
        var text: String
    }

    var steps: [Step] = []
    var image: [UInt8] = []
    var fault: Fault?
    var killsHost = false
    /// The host's disk does not give the image back.
    var isUnreadable = false
    /// Its result has numbers that no honest agent sends.
    private var lies = false

    init(_ start: Start, _ simulation: Simulation) {
        let duration = simulation.within(10_000...90_000)
        let pieces = simulation.within(2...4)
        for piece in 0..<pieces {
            steps.append(
                Step(
                    afterMilliseconds: Int64(duration / pieces),
                    state: piece == 0 ? .preparing : piece == pieces - 1 ? .hashing : .building,
                    text: "\(start.build.imageName) step \(piece) \(simulation.below(1_000))"))
        }
        lies = simulation.strikes(.hostileFinish)
        // The same build each time: it is the template's doing.
        killsHost = start.build.number % FaultKind.killsHost.odds == 7 && !simulation.isHealed
        if simulation.strikes(.infrastructureFault) {
            let codes: [FaultCode] = [.buildKilled, .diskFull, .portRace, .baseImageFetch]
            fault = Fault(
                .infrastructure, codes[simulation.below(codes.count)], "the host is in trouble")
        } else if start.tests != nil {
            if simulation.strikes(.testFails) {
                fault = Fault(.template, .testFailed, "the test failed")
            }
        } else if simulation.strikes(.templateFault) {
            fault = Fault(.template, .commandFailed, "the program exited with status 1")
        }
        guard fault == nil, start.tests == nil else { return }
        isUnreadable = simulation.strikes(.imageUnreadable)
        image = (0..<simulation.within(16...64)).map { _ in UInt8(simulation.below(256)) }
    }

    func result(of attempt: SimulatedAgent.Attempt, _ fault: Fault?) -> Finished {
        var artifacts: [Artifact] = []
        if fault == nil, !attempt.image.isEmpty {
            artifacts.append(
                Artifact(
                    name: "disk.qcow2", sizeBytes: Int64(attempt.image.count),
                    sha256: SHA256.hex(attempt.image), format: .qcow2))
        }
        return Finished(
            attempt: attempt.start.attempt, outcome: Outcome(fault: fault),
            logBytes: Int64(attempt.log.count), logSHA256: SHA256.hex(attempt.log),
            artifacts: artifacts, accelerator: .tcg, startedUnixMilliseconds: 1,
            endedUnixMilliseconds: 2, tests: results(attempt, fault))
    }

    /// What the agent says of the result.
    func told(_ result: Finished) -> Finished {
        guard lies else { return result }
        var told = result
        told.startedUnixMilliseconds = .min
        told.endedUnixMilliseconds = .max
        if told.artifacts.isEmpty {
            told.logBytes = .min
        } else {
            told.artifacts[0].sizeBytes = .max
            told.artifacts += told.artifacts
            told.artifacts[1].name = "other.qcow2"
        }
        return told
    }

    private func results(_ attempt: SimulatedAgent.Attempt, _ fault: Fault?) -> [TestResult]? {
        guard let tests = attempt.start.tests, fault?.class ?? .template == .template else {
            return nil
        }
        return tests.cases.enumerated().map { index, test in
            let failed = index == 0 ? fault : nil
            return TestResult(
                name: test.name, result: failed == nil ? .passed : .failed, milliseconds: 1_500,
                detail: failed?.reason ?? "", logFrom: 0, logTo: Int64(attempt.log.count))
        }
    }
}

extension Start {
    /// `nil` for an attempt that builds.
    var tests: TestPlan? {
        if case .test(let plan) = recipe.builder { plan } else { nil }
    }
}
