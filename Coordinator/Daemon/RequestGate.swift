import CoordinatorAPI
import HTTPTypes
import Synchronization

/// Whether requests are accepted: the port is bound before anything is resumed, and stays bound
/// while everything is shut down.
final class RequestGate: Sendable {
    private enum State { case starting, open, stopping }

    private let state = Mutex(State.starting)

    func open() { state.withLock { $0 = .open } }
    func close() { state.withLock { $0 = .stopping } }

    func admission(of request: HTTPRequest, to api: API) -> HTTPAdmission {
        if let refusal = refusal(of: request) { return .refused(refusal) }
        switch api.admission(of: request) {
        case .refused(let refusal): return .refused(refusal)
        case .served(let handler):
            return .served { [self] request in
                // It may have closed while the body arrived.
                if let refusal = refusal(of: request) { return refusal }
                return await handler(request)
            }
        }
    }

    private func refusal(of request: HTTPRequest) -> HTTPResponse? {
        problem.map { API.response($0, to: request) }
    }

    private var problem: Problem? {
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
