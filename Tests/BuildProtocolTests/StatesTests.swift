import BuildProtocol
import Testing

@Suite struct StatesTests {
    @Test("An attempt never goes back, and may end from anywhere") func attemptOrder() {
        let order = AttemptState.allCases
        for (index, state) in order.enumerated() {
            for next in state.successors {
                #expect(order.firstIndex(of: next).map { $0 > index } == true, "\(state) → \(next)")
            }
            #expect(state == .finished || state.successors.contains(.finished), "\(state)")
        }
        #expect(AttemptState.finished.successors.isEmpty)
    }

    @Test("An attempt reports progress within its state and what follows, and nothing else")
    func attemptReports() {
        let order = AttemptState.allCases
        for (index, state) in order.enumerated() {
            for (nextIndex, next) in order.enumerated() {
                let isStep = (0...1).contains(nextIndex - index)
                let isEnd = next == .finished
                #expect(state.mayReport(next) == (isStep || isEnd), "\(state) → \(next)")
            }
        }
    }

    @Test("Every state of an attempt can be reached") func attemptReach() {
        #expect(reached(from: AttemptState.accepted, \.successors) == Set(AttemptState.allCases))
    }

    @Test("A build ends once, and may end from anywhere") func buildEnd() {
        for state in BuildState.allCases {
            if state.isEnded {
                #expect(state.successors.isEmpty, "\(state)")
            } else {
                #expect(state.successors.isSuperset(of: [.failed, .cancelled]), "\(state)")
                #expect(!state.successors.contains(state), "\(state)")
            }
        }
        #expect(BuildState.allCases.filter(\.isEnded) == [.passed, .failed, .cancelled])
    }

    @Test("A build passes once its image was published, without artifacts, or tested alone")
    func buildReach() {
        let before = BuildState.allCases.filter { $0.successors.contains(.passed) }
        #expect(before == [.building, .publishing, .testing])
        #expect(reached(from: BuildState.queued, \.successors) == Set(BuildState.allCases))
    }

    private func reached<S: Hashable>(from start: S, _ successors: (S) -> Set<S>) -> Set<S> {
        var found: Set<S> = [start]
        var work = [start]
        while let state = work.popLast() {
            for next in successors(state) where found.insert(next).inserted { work.append(next) }
        }
        return found
    }

    @Test("Another minor version is accepted") func minorVersion() {
        let current = ProtocolVersion.current
        for minor in [0, 1, 99] {
            let agent = ProtocolVersion(major: current.major, minor: minor)
            #expect(agent.refusal(coordinator: current, host: "kvm1") == nil)
        }
    }

    @Test("Another major version is refused with what to upgrade") func majorVersion() {
        let one = ProtocolVersion(major: 1, minor: 0)
        let two = ProtocolVersion(major: 2, minor: 3)
        #expect(
            two.refusal(coordinator: one, host: "kvm1")
                == "the agent on kvm1 speaks protocol 2.3, the coordinator 1.0: "
                + "upgrade the coordinator")
        #expect(
            one.refusal(coordinator: two, host: "kvm1")
                == "the agent on kvm1 speaks protocol 1.0, the coordinator 2.3: "
                + "upgrade the agent on kvm1")
    }

    @Test("An error code of a newer agent is kept") func unknownCode() throws {
        let line = Array(
            #"{"exitCode":3,"fault":{"class":"infrastructure","code":"host.on_fire","reason":"r"}}"#
                .utf8)
        let outcome = try LineCodec.decode(Outcome.self, from: line)
        #expect(outcome.fault?.code == FaultCode(rawValue: "host.on_fire"))
        #expect(!outcome.passed)
        #expect(try LineCodec.encode(outcome).dropLast().elementsEqual(line))
    }
}
