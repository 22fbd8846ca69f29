import BuildProtocol
import CoordinatorCore
import Testing

/// What an attempt does whose host is to be empty.
@Suite("Attempts that leave their host") struct EvictionTests {
    private func running() -> BuildMachine {
        var machine = BuildMachine()
        _ = machine.handle(.connected(hasTemplate: true, summary: nil))
        _ = machine.handle(.phase(Phase(attempt: MachineScript.token, state: .building)))
        return machine
    }

    private func fault(_ effects: [BuildEffect]) -> Fault? {
        guard case .end(let end, _)? = effects.first else { return nil }
        return end.outcome.fault
    }

    @Test("It is stopped on the host, and its build is queued anew")
    func evict() {
        var machine = running()
        #expect(machine.handle(.evict("drained")) == [.sendCancel("drained")])
        #expect(machine.handle(.evict("drained")).isEmpty, "once")
        let stopped = Finished(
            attempt: MachineScript.token,
            outcome: Outcome(fault: Fault(.cancelled, .cancelled, "drained")), logBytes: 0,
            logSHA256: "", artifacts: [], startedUnixMilliseconds: 0, endedUnixMilliseconds: 0)
        #expect(machine.handle(.finished(stopped)) == [.checkLog(stopped)])
        let end = fault(machine.handle(.logChecked(matches: true)))
        #expect(end == Fault(.infrastructure, .hostRefused, "drained"))
        #expect(end?.code.blamesHost == false)
    }

    @Test("A host that is away is not waited for")
    func evictUnreachable() {
        var machine = running()
        _ = machine.handle(.disconnected)
        #expect(fault(machine.handle(.evict("drained")))?.class == .infrastructure)
        var lost = running()
        _ = lost.handle(.evict("drained"))
        #expect(fault(lost.handle(.disconnected))?.class == .infrastructure)
    }

    @Test("A cancel request outweighs it")
    func cancelOutweighs() {
        var machine = running()
        _ = machine.handle(.cancel("by anna"))
        #expect(machine.handle(.evict("drained")).isEmpty)
    }
}
