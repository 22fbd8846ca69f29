import BuildProtocol
import CoordinatorCore
import Testing

/// How long a coordinator waits for what a host owes.
@Suite struct AttemptDeadlineTests {
    private static let bounds = AttemptDeadline.Bounds(
        dispatchMilliseconds: 20_000, graceMilliseconds: 10_000, cancelMilliseconds: 5_000,
        logBytesPerSecond: 1_000, hostLostMilliseconds: 60_000)

    /// A limit of 100 s and of 30 s of log.
    private func deadline(elapsed: Int64 = 0) -> AttemptDeadline {
        AttemptDeadline(
            AttemptLimits(totalSeconds: 100, silenceSeconds: 1, logBytes: 30_000), Self.bounds,
            elapsedMilliseconds: elapsed, now: 1_000)
    }

    @Test("A host that is not connected owes no answer to start")
    func dispatching() {
        var deadline = deadline()
        #expect(deadline.due(in: .dispatching) == nil)
        deadline.connected(at: 5_000)
        #expect(deadline.due(in: .dispatching) == 25_000)
        deadline.disconnected()
        #expect(deadline.due(in: .dispatching) == nil)
        let fault = deadline.fault(in: .dispatching, host: "h", at: 25_000)
        #expect(fault.code == .overdue && fault.class == .infrastructure)
    }

    @Test("A running attempt ends after its limit and a grace period")
    func running() {
        var deadline = deadline()
        deadline.connected(at: 2_000)
        #expect(deadline.due(in: .running) == 111_000)
        #expect(deadline.fault(in: .running, host: "h", at: 111_000).code == .overdue)
    }

    @Test("Time that passed before a restart counts, and a wrong clock does no harm")
    func elapsed() {
        for (elapsed, due) in [(Int64(40_000), Int64(71_000)), (.max, 12_000), (.min, 111_000)] {
            var deadline = deadline(elapsed: elapsed)
            deadline.connected(at: 2_000)
            #expect(deadline.due(in: .running) == due)
        }
    }

    @Test("A log that still grows, and a reconnect, extend the time, but not for ever")
    func progress() {
        var deadline = deadline()
        deadline.connected(at: 2_000)
        deadline.progressed(at: 105_000)
        #expect(deadline.due(in: .running) == 115_000)
        deadline.disconnected()
        // host_lost applies; the last moment is that of a host that flaps.
        let last: Int64 = 101_000 + 10_000 + 60_000 + 30_000
        #expect(deadline.due(in: .running) == last)
        deadline.connected(at: 150_000)
        #expect(deadline.due(in: .running) == 160_000)
        deadline.connected(at: last - 1)
        deadline.progressed(at: last - 1)
        #expect(deadline.due(in: .running) == last)
    }

    @Test("A cancel request has a time of its own, that of the first one")
    func cancel() {
        for stage in [BuildMachine.Stage.dispatching, .running] {
            var deadline = deadline()
            deadline.connected(at: 2_000)
            deadline.cancelled("cancelled by anna", at: 3_000)
            deadline.cancelled("cancelled by ben", at: 7_000)
            deadline.progressed(at: 7_999)
            #expect(deadline.due(in: stage) == 8_000)
            let fault = deadline.fault(in: stage, host: "h", at: 8_000)
            #expect(fault.class == .cancelled)
            #expect(fault.reason.hasPrefix("cancelled by anna; host h did not stop it within 5 s"))
        }
    }

    @Test("What is here already has no deadline of its host")
    func here() {
        var deadline = deadline()
        deadline.connected(at: 2_000)
        deadline.cancelled("x", at: 3_000)
        for stage in [BuildMachine.Stage.ended] { #expect(deadline.due(in: stage) == nil) }
    }
}
