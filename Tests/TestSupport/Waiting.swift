import Support

/// Polls for a condition, up to a limit that only a failure reaches, even on a busy machine. This
/// is the one place where a test waits for time.
///
/// - Returns: the first value that is not `nil`.
/// - Throws: `Failure` that says what did not happen; what `look` throws.
public func eventually<T>(
    _ what: @autoclosure () -> String, seconds: Int64 = 180,
    everyMilliseconds: Int64 = 5, _ look: () async throws -> T?
) async throws -> T {
    let deadline = Clocks.monotonicMilliseconds() + seconds * 1000
    while true {
        if let value = try await look() { return value }
        guard Clocks.monotonicMilliseconds() < deadline else {
            throw Failure("did not happen within \(seconds) s: \(what())")
        }
        try await Task.sleep(for: .milliseconds(everyMilliseconds))
    }
}

/// The same for a plain condition.
public func eventually(
    _ what: @autoclosure () -> String, seconds: Int64 = 180,
    everyMilliseconds: Int64 = 5, _ condition: () async throws -> Bool
) async throws {
    let _: Bool = try await eventually(
        what(), seconds: seconds, everyMilliseconds: everyMilliseconds
    ) { try await condition() ? true : nil }
}

/// Suspends until the task is cancelled: for a source that has nothing to send.
public func untilCancelled() async {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    await withTaskCancellationHandler {
        for await _ in stream {}
    } onCancel: {
        continuation.finish()
    }
}
