import LoopKit
import Support

/// A deadline on the monotonic clock.
struct Deadline: Sendable {
    var milliseconds: Int64

    init(seconds: Int) { self.init(in: Int64(seconds) * 1000) }
    init(in milliseconds: Int64) {
        self.milliseconds = Clocks.monotonicMilliseconds() + milliseconds
    }
}

struct DeadlinePassed: Error {}

/// The result of `work`, which is cancelled at the deadline.
/// - Throws: `DeadlinePassed`, or what `work` throws.
func withDeadline<Value: Sendable>(
    _ deadline: Deadline, loop: EventLoop, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await loop.sleep(untilMilliseconds: deadline.milliseconds)
            throw DeadlinePassed()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw DeadlinePassed() }
        return value
    }
}
