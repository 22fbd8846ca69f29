import CMicroHTTPD
import HTTPTypes
import Support
import Synchronization

/// One request and its response. The library calls `step` on its thread as the request arrives; the
/// handler runs in a task while the connection is suspended.
final class Exchange: Sendable {
    private typealias Handler = @Sendable (HTTPRequest) async -> HTTPResponse

    private enum Phase {
        case fresh
        case receiving(HTTPRequest, Handler)
        /// Not served; the rest of the body is discarded.
        case discarding(HTTPResponse, bytes: Int)
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
        /// Bytes reserved from the limit of all bodies, for whom.
        var reservedBytes = 0
        var sender = ""
        var isStopping: Bool
    }

    private let core: ServerCore
    private let connection: ConnectionHandle
    let descriptor: Int32
    private let target: String
    private let state: Mutex<State>

    init(_ core: ServerCore, _ connection: ConnectionHandle, target: String, isStopping: Bool) {
        self.core = core
        self.connection = connection
        self.target = target
        descriptor = connection.descriptor
        state = Mutex(State(isStopping: isStopping))
    }

    /// The library's access handler.
    ///
    /// - Parameter upload: a piece of the body; empty when the headers are complete, when the
    ///   request is complete, and after a resume.
    /// - Returns: whether the connection continues.
    func step(method: String, version: String, upload: UnsafeRawBufferPointer) -> Bool {
        core.connections.received(descriptor, bytes: upload.count)
        return state.withLock { state in
            switch state.phase {
            case .fresh: return begin(&state, method, version)
            case .receiving(var request, let handler):
                if upload.isEmpty { return handle(&state, request, handler) }
                state.phase = .fresh  // so that the body is appended to in place, not copied
                receive(&state, &request, handler, upload)
                return true
            case .discarding(let response, let bytes):
                if upload.isEmpty { return send(&state, response) }
                state.phase = .discarding(response, bytes: bytes + upload.count)
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

    /// Streams have no end of their own: the server does not wait for them when it stops, nor when
    /// others need their connections.
    func stopStream() {
        state.withLock { state in
            if case .sent(let stream) = state.phase { stream?.cut() }
        }
    }

    /// The library has completed the request.
    func completed() {
        let wasRefused = state.withLock { state in
            core.release(bodyBytes: state.reservedBytes, of: state.sender)
            defer { state.phase = .cut }
            if case .fresh = state.phase { return true }
            return false
        }
        if wasRefused {
            // By the library itself, which keeps a connection of no use open for a while.
            core.connections.close(descriptor)
        } else {
            core.connections.answered(
                descriptor, nowMilliseconds: Clocks.monotonicMilliseconds())
        }
    }

    private func begin(_ state: inout State, _ method: String, _ version: String) -> Bool {
        core.connections.headersArrived(
            descriptor, nowMilliseconds: Clocks.monotonicMilliseconds())
        let headers = connection.requestHeaders
        var request: HTTPRequest
        do throws(Problem) {
            try RequestFraming.check(headers, target: target, version: version)
            request = try HTTPRequest(
                method: method, target: target, headers: headers, remoteAddress: connection.peer)
        } catch {
            return send(&state, error.response, isLast: true)
        }
        request.isEncrypted = core.isEncrypted
        core.proxies.resolve(&request)
        state.sender = request.remoteAddress
        // Before the body: whoever may not send one costs no memory for it.
        switch core.admit(request) {
        case .refused(let refusal):
            return refuse(&state, refusal, headers, discardedBytes: core.limits.refusedBytes)
        case .served where Self.declaredBytes(headers) > core.limits.bodyBytes:
            return refuse(
                &state, core.tooLarge(request), headers,
                discardedBytes: core.limits.discardedBytes)
        case .served(let handler):
            state.phase = .receiving(request, handler)
            return true
        }
    }

    private static func declaredBytes(_ headers: HTTPHeaders) -> Int {
        headers["Content-Length"].flatMap { Int($0) } ?? 0
    }

    /// A client that asks before it sends, or that would send very much, gets the refusal at once,
    /// and the connection ends with it. For others the response would be lost: closing with unread
    /// bytes resets the connection.
    private func refuse(
        _ state: inout State, _ response: HTTPResponse, _ headers: HTTPHeaders,
        discardedBytes: Int
    ) -> Bool {
        if headers["Expect"] != nil || headers["Transfer-Encoding"] != nil
            || Self.declaredBytes(headers) > discardedBytes
        {
            return send(&state, response, isLast: true)
        }
        state.phase = .discarding(response, bytes: 0)
        return true
    }

    private func receive(
        _ state: inout State, _ request: inout HTTPRequest, _ handler: @escaping Handler,
        _ upload: UnsafeRawBufferPointer
    ) {
        guard request.body.count + upload.count <= core.limits.bodyBytes else {
            request.body = []
            state.phase = .discarding(core.tooLarge(request), bytes: upload.count)
            return
        }
        guard core.reserve(bodyBytes: upload.count, of: state.sender) else {
            state.phase = .discarding(
                Problem.unavailable("Too many large requests at once", remedy: "Try again later")
                    .response, bytes: upload.count)
            return
        }
        state.reservedBytes += upload.count
        request.body.append(contentsOf: upload)
        state.phase = .receiving(request, handler)
    }

    private func handle(
        _ state: inout State, _ request: HTTPRequest, _ handler: @escaping Handler
    ) -> Bool {
        guard !state.isStopping else { return false }
        core.connections.requestArrived(descriptor)
        connection.suspend()
        state.phase = .handling(
            Task { self.answer(await handler(request)) })
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

    /// - Parameter isLast: the connection is closed after it.
    private func send(
        _ state: inout State, _ response: HTTPResponse, isLast: Bool = false
    ) -> Bool {
        core.connections.answering(
            descriptor, nowMilliseconds: Clocks.monotonicMilliseconds())
        let (taken, stream) = ResponseWriter(connection: connection).send(
            response, isLast: isLast)
        state.phase = .sent(stream)
        if state.isStopping { stream?.cut() }
        return taken
    }
}
