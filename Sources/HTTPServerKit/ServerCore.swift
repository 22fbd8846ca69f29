import HTTPTypes
import Synchronization

/// The state that the library's callbacks of one server share.
final class ServerCore: Sendable {
    private struct State {
        var exchanges: [ObjectIdentifier: Exchange] = [:]
        var bodyBytes = 0
        var isStopping = false
    }

    let limits: HTTPServerLimits
    let handler: @Sendable (HTTPRequest) async -> HTTPResponse
    private let state = Mutex(State())

    init(
        limits: HTTPServerLimits, handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse
    ) {
        self.limits = limits
        self.handler = handler
    }

    /// An exchange that begins after `stopStreams` or `stopAll` is stopped as well.
    func begin(_ connection: ConnectionHandle, target: String) -> Exchange {
        state.withLock { state in
            let exchange = Exchange(
                self, connection, target: target, isStopping: state.isStopping)
            state.exchanges[ObjectIdentifier(exchange)] = exchange
            return exchange
        }
    }

    func end(_ exchange: Exchange) {
        exchange.completed()
        state.withLock { _ = $0.exchanges.removeValue(forKey: ObjectIdentifier(exchange)) }
    }

    func reserve(bodyBytes: Int) -> Bool {
        state.withLock { state in
            guard state.bodyBytes + bodyBytes <= limits.allBodiesBytes else { return false }
            state.bodyBytes += bodyBytes
            return true
        }
    }

    func release(bodyBytes: Int) {
        state.withLock { $0.bodyBytes -= bodyBytes }
    }

    var exchangesUnderWay: Int { state.withLock { $0.exchanges.count } }

    /// From here on new requests are not handled; responses in progress continue.
    func stopStreams() {
        for exchange in beginStop() { exchange.stopStream() }
    }

    /// After this no connection is suspended, nor will one be.
    func stopAll() {
        for exchange in beginStop() { exchange.stop() }
    }

    private func beginStop() -> [Exchange] {
        state.withLock { state in
            state.isStopping = true
            return Array(state.exchanges.values)
        }
    }
}
