import LoopKit
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct BlockingThreadsTests {
    /// A gate that blocks its thread until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Mutex(false)
        func open() { isOpen.withLock { $0 = true } }
        func wait() { while !isOpen.withLock({ $0 }) {} }
    }

    @Test("Results are returned to their callers") func resultsComeBack() async throws {
        let loop = try LoopKitTests.loop.get()
        let results = try await withThrowingTaskGroup(of: Int?.self) { group in
            for index in 0..<100 {
                group.addTask {
                    try await BlockingThreads.run(loop: loop, deadlineMilliseconds: nil) { index }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.compactMap { $0 }.sorted() == Array(0..<100))
    }

    @Test("A deadline or a cancellation does not wait for the call")
    func deadlineAndCancellationDoNotWaitForTheCall() async throws {
        let loop = try LoopKitTests.loop.get()
        let gate = Gate()
        defer { gate.open() }
        let deadline = Clocks.monotonicMilliseconds() + 20
        let late = try await BlockingThreads.run(loop: loop, deadlineMilliseconds: deadline) {
            gate.wait()
            return 1
        }
        #expect(late == nil)
        let cancelled = Task {
            try await BlockingThreads.run(loop: loop, deadlineMilliseconds: nil) { gate.wait() }
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { _ = try await cancelled.value }
    }
}
