import CoordinatorCore
import Synchronization
import TestSupport
import Testing

@testable import CoordinatorService

@Suite(.timeLimit(.minutes(1))) struct RepetitionTests {
    @Test("Work is repeated when it is woken, and after its pause; not after the end")
    func repeats() async throws {
        let clock = ManualClock()
        let count = Mutex(0)
        let work = Repetition(clock)
        work.start {
            count.withLock { $0 += 1 }
            return 1_000
        }
        work.start { 0 }
        try await eventually("the first begins at once") { count.withLock { $0 == 1 } }
        work.wake()
        try await eventually("it was woken") { count.withLock { $0 == 2 } }
        await clock.advance(milliseconds: 999)
        #expect(count.withLock(\.self) == 2)
        try await eventually("its pause is over") {
            await clock.advance(milliseconds: 1)
            return count.withLock { $0 == 3 }
        }
        await work.stop()
        work.wake()
        work.start {
            count.withLock { $0 += 1 }
            return 0
        }
        await clock.advance(milliseconds: 10_000)
        #expect(count.withLock(\.self) == 3 && work.isStopping)
    }

    @Test("A signal while it works is not lost, and the end interrupts it")
    func signals() async throws {
        let clock = ManualClock()
        let count = Mutex(0)
        let work = Repetition(clock)
        work.start {
            if count.withLock({
                $0 += 1; return $0
            }) == 1 {
                work.wake()
            }
            if count.withLock(\.self) == 2 { try? await clock.sleep(milliseconds: .max / 2) }
            return .max / 2
        }
        try await eventually("it works again") { count.withLock { $0 == 2 } }
        await work.stop()
        #expect(count.withLock(\.self) == 2)
    }
}
