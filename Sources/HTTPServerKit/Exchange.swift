import CMicroHTTPD
import HTTPTypes
import Synchronization

/// One request and its response. The library calls `step` on its thread as the request arrives; the
/// handler runs in a task while the connection is suspended.
final class Exchange: Sendable {
    private enum Phase {
        case fresh
        case receiving(HTTPRequest)
        /// Refused; the rest of the body is discarded.
        case discarding(Problem, bytes: Int)
        /// The connection is suspended, the handler runs.
        case handling(Task<Void, Never>)
        case answered(HTTPResponse)
        /// The library has the response.
        case sent(StreamBody?)
        /// The server is stopping.
        case cut
    }

    private struct State {
        var phase = Phase.fresh
        /// Bytes reserved from the limit of all bodies.
        var reservedBytes = 0
        var isStopping: Bool
    }

    private let core: ServerCore
    private let connection: ConnectionHandle
    private let target: String
    private let state: Mutex<State>

    init(_ core: ServerCore, _ connection: ConnectionHandle, target: String, isStopping: Bool) {
        self.core = core
        self.connection = connection
        self.target = target
        state = Mutex(State(isStopping: isStopping))
    }

    /// The library's access handler.
    ///
    /// - Parameter upload: a piece of the body; empty when the headers are complete, when the
    ///   request is complete, and after a resume.
    /// - Returns: whether the connection continues.
    func step(method: String, upload: UnsafeRawBufferPointer) -> Bool {
        state.withLock { state in
            switch state.phase {
            case .fresh: return begin(&state, method)
            case .receiving(var request):
                if upload.isEmpty { return handle(&state, request) }
                state.phase = .fresh  // so that the body is appended to in place, not copied
                receive(&state, &request, upload)
                return true
            case .discarding(let problem, let bytes):
                if upload.isEmpty { return send(&state, problem.response) }
                state.phase = .discarding(problem, bytes: bytes + upload.count)
                return bytes + upload.count <= core.limits.discardedBytes
            case .answered(let response): return send(&state, response)
            case .handling, .sent, .cut: return false
            }
        }
    }

    /// Stops the exchange: the handler's response is no longer awaited, and a stream is cut.
    func stop() {
        state.withLock { state in
            state.isStopping = true
            switch state.phase {
            case .handling(let task):
                task.cancel()
                state.phase = .cut
                connection.resume()
            case .sent(let stream): stream?.cut()
            default: break
            }
        }
    }

    /// Streams have no end of their own, so the server does not wait for them when it stops.
    func stopStream() {
        state.withLock { state in
            if case .sent(let stream) = state.phase { stream?.cut() }
        }
    }

    /// The library has completed the request.
    func completed() {
        state.withLock { state in
            core.release(bodyBytes: state.reservedBytes)
            state.phase = .cut
        }
    }

    private func begin(_ state: inout State, _ method: String) -> Bool {
        let headers = connection.requestHeaders
        var request: HTTPRequest
        do throws(Problem) {
            request = try HTTPRequest(
                method: method, target: target, headers: headers, remoteAddress: connection.peer)
        } catch {
            return send(&state, error.response)
        }
        let limit = core.limits.bodyBytes
        guard let declared = headers["Content-Length"].flatMap({ Int($0) }), declared > limit else {
            state.phase = .receiving(request)
            return true
        }
        let problem = Problem.tooLarge(limitBytes: limit)
        // A client that asks before it sends, or that would send very much, gets the refusal at
        // once. For others the response would be lost: closing with unread bytes resets the
        // connection.
        if headers["Expect"] != nil || declared > core.limits.discardedBytes {
            return send(&state, problem.response)
        }
        state.phase = .discarding(problem, bytes: 0)
        return true
    }

    private func receive(
        _ state: inout State, _ request: inout HTTPRequest, _ upload: UnsafeRawBufferPointer
    ) {
        guard request.body.count + upload.count <= core.limits.bodyBytes else {
            state.phase = .discarding(
                .tooLarge(limitBytes: core.limits.bodyBytes), bytes: upload.count)
            return
        }
        guard core.reserve(bodyBytes: upload.count) else {
            state.phase = .discarding(
                .unavailable("Too many large requests at once", remedy: "Try again later"),
                bytes: upload.count)
            return
        }
        state.reservedBytes += upload.count
        request.body.append(contentsOf: upload)
        state.phase = .receiving(request)
    }

    private func handle(_ state: inout State, _ request: HTTPRequest) -> Bool {
        guard !state.isStopping else { return false }
        connection.suspend()
        state.phase = .handling(
            Task { [core] in self.answer(await core.handler(request)) })
        return true
    }

    private func answer(_ response: HTTPResponse) {
        let late = state.withLock { state -> Bool in
            guard case .handling = state.phase else { return true }
            state.phase = .answered(response)
            connection.resume()
            return false
        }
        // The server stopped meanwhile; the source may hold a resource that it must release.
        if late, case .stream(let source) = response.body {
            Task { await source.cancelled() }
        }
    }

    private func send(_ state: inout State, _ response: HTTPResponse) -> Bool {
        let (taken, stream) = ResponseWriter(connection: connection).send(response)
        state.phase = .sent(stream)
        if state.isStopping { stream?.cut() }
        return taken
    }
}
