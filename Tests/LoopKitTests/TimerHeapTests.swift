import Testing

@testable import LoopKit

@Suite struct TimerHeapTests {
    @Test("Deadlines come in order", arguments: 0..<20) func deadlinesComeInOrder(round: Int) {
        var heap = TimerHeap()
        let deadlines = (0..<200).map { _ in Int64.random(in: 0..<100) }
        for (index, deadline) in deadlines.enumerated() {
            heap.insert(.init(deadlineMilliseconds: deadline, waiter: UInt64(index)))
        }
        if round % 2 == 1 { heap.compact { $0 % 3 == 0 } }
        let kept = deadlines.enumerated().filter { round % 2 == 0 || $0.offset % 3 == 0 }
        var order: [Int64] = []
        while let first = heap.first {
            order.append(first.deadlineMilliseconds)
            heap.removeFirst()
        }
        #expect(order == kept.map(\.element).sorted())
    }

    /// Waits that end long before their deadline do not pile up.
    @Test("Timers of waits that ended do not pile up") func deadTimersAreSwept() async throws {
        var table = WaiterTable()
        for id in 0..<20_000 as Range<UInt64> {
            _ = try await withCheckedThrowingContinuation { continuation in
                table.insert(
                    id,
                    .init(
                        fd: 5, interest: .readable, deadlineMilliseconds: .max,
                        continuation: continuation))
                table.remove(id)?.resume(returning: true)
            }
        }
        #expect(table.timerCount <= 2 * LoopLimits.deadTimers)
    }
}
