import Glibc
import Support

/// Runs blocking code on a thread made for it, so that the cooperative pool never waits.
public enum OwnThread {
    /// The result of `body`, which may block. The thread ends with it.
    public static func run<R: Sendable>(
        _ body: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job { continuation.resume(with: Result(catching: body)) }
            let retained = Unmanaged.passRetained(job)
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, retained.toOpaque())
            if code == 0 {
                pthread_detach(thread)
            } else {
                retained.release()
                continuation.resume(
                    throwing: SystemError(errno: code, "cannot start a thread"))
            }
        }
    }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
