import BuildProtocol
import CoordinatorCore
import Testing

/// Which faults quarantine a host, and for how long.
@Suite struct HostHealthTests {
    private func faults(_ count: Int, _ code: FaultCode = .diskFull) -> HostHealth {
        var health = HostHealth()
        for _ in 0..<count {
            health.record(Fault(.infrastructure, code, "full"), monotonicMilliseconds: 100)
        }
        return health
    }

    @Test("One fault has no consequence; from the second on the quarantine doubles, up to an hour")
    func quarantine() {
        #expect(faults(1).quarantineMilliseconds(monotonicMilliseconds: 100) == 0)
        #expect(faults(2).quarantineMilliseconds(monotonicMilliseconds: 100) == 10_000)
        #expect(faults(3).quarantineMilliseconds(monotonicMilliseconds: 100) == 20_000)
        #expect(faults(60).quarantineMilliseconds(monotonicMilliseconds: 100) == 3_600_000)
        #expect(faults(2).quarantineMilliseconds(monotonicMilliseconds: 10_099) == 1)
        #expect(faults(2).quarantineMilliseconds(monotonicMilliseconds: 10_100) == 0)
    }

    @Test("An attempt that met no fault of the host clears its record")
    func reset() {
        var health = faults(5)
        health.record(nil, monotonicMilliseconds: 200)
        #expect(health.failures == 0)
        health = faults(5)
        health.record(Fault(.template, .packerFailed, "x"), monotonicMilliseconds: 200)
        #expect(health.failures == 0)
        health.record(Fault(.infrastructure, .diskFull, "x"), monotonicMilliseconds: 200)
        #expect(health.failures == 1 && health.lastFault == "x")
    }

    @Test(
        "Faults of the network, or of the coordinator's own disk, do not count against the host",
        arguments: [FaultCode.publishFailed, .baseImageFetch, .hostRefused, .secretUnavailable])
    func blameless(_ code: FaultCode) {
        #expect(faults(9, code) == HostHealth())
    }
}
