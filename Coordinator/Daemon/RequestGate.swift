import HTTPTypes
import Synchronization

/// Whether requests are let in: the port is bound before anything is taken up, and is still bound
/// while all of it is put down.
final class RequestGate: Sendable {
    private enum State { case starting, open, stopping }

    private let state = Mutex(State.starting)

    func open() { state.withLock { $0 = .open } }
    func close() { state.withLock { $0 = .stopping } }

    /// What a request gets instead of an answer.
    var refusal: Problem? {
        switch state.withLock(\.self) {
        case .open: nil
        case .starting:
            .unavailable(
                "the coordinator is starting", remedy: "try again in a moment",
                retryAfterSeconds: 1)
        case .stopping:
            .unavailable(
                "the coordinator is stopping; builds run on",
                remedy: "try again when it has been started again", retryAfterSeconds: 2)
        }
    }
}
