import CoordinatorCore

/// Rings once a deadline has passed; the deadline may move.
struct DeadlineAlarm {
    private var dueMilliseconds: Int64?
    private var task: Task<Void, Never>?

    /// - Parameters:
    ///   - due: on the monotonic clock; `nil`: never.
    ///   - ring: called after it, unless the alarm was set to another time before.
    mutating func set(
        _ due: Int64?, _ clock: any TimeSource, ring: @escaping @Sendable () async -> Void
    ) {
        guard due != dueMilliseconds else { return }
        task?.cancel()
        task = nil
        dueMilliseconds = due
        guard let due else { return }
        task = Task {
            do { try await clock.sleep(untilMonotonicMilliseconds: due) } catch { return }
            await ring()
        }
    }
}
