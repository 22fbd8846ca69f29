import HTTPTypes
import Support
import Synchronization

/// The state that the library's callbacks of one server share.
final class ServerCore: Sendable {
    private struct State {
        var acceptsConnections = true
        var exchanges: [ObjectIdentifier: Exchange] = [:]
        var bodyBytes = 0
        var bodyBytesOf: [String: Int] = [:]
        var isStopping = false
        var identity: TLSIdentity?
    }

    let limits: HTTPServerLimits
    let isEncrypted: Bool
    let proxies: TrustedProxies
    private let oversized: @Sendable (HTTPRequest) -> HTTPResponse?
    let admit: @Sendable (HTTPRequest) -> HTTPAdmission
    let connections: ConnectionTable
    private let state = Mutex(State())

    init(
        limits: HTTPServerLimits, identity: TLSIdentity?, proxies: TrustedProxies,
        oversized: @escaping @Sendable (HTTPRequest) -> HTTPResponse?,
        admit: @escaping @Sendable (HTTPRequest) -> HTTPAdmission
    ) {
        self.limits = limits
        state.withLock { $0.identity = identity }
        isEncrypted = identity != nil
        self.proxies = proxies
        self.oversized = oversized
        connections = ConnectionTable(limits: limits, proxies: proxies)
        self.admit = admit
    }

    /// The answer to a request whose body is larger than `bodyBytes`.
    func tooLarge(_ request: HTTPRequest) -> HTTPResponse {
        oversized(request) ?? Problem.tooLarge(limitBytes: limits.bodyBytes).response
    }

    /// For the next handshake; `nil`: this server speaks without TLS.
    var identity: TLSIdentity? { state.withLock(\.identity) }

    func use(_ identity: TLSIdentity) { state.withLock { $0.identity = identity } }

    var acceptsConnections: Bool { state.withLock { $0.acceptsConnections } }

    func refuseConnections() { state.withLock { $0.acceptsConnections = false } }

    /// A new connection may cost an older one.
    func opened(_ descriptor: Int32, peer: String) {
        let closed = connections.opened(
            descriptor, peer: peer, nowMilliseconds: Clocks.monotonicMilliseconds())
        guard let closed else { return }
        let exchange = state.withLock { state in
            state.exchanges.values.first { $0.descriptor == closed }
        }
        exchange?.stopStream()
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

    /// - Returns: false if all bodies, or those of this peer, are too large already.
    func reserve(bodyBytes: Int, of peer: String) -> Bool {
        state.withLock { state in
            let ofPeer = state.bodyBytesOf[peer, default: 0] + bodyBytes
            guard state.bodyBytes + bodyBytes <= limits.allBodiesBytes,
                ofPeer <= limits.bodiesOfPeerBytes
            else { return false }
            state.bodyBytes += bodyBytes
            state.bodyBytesOf[peer] = ofPeer
            return true
        }
    }

    func release(bodyBytes: Int, of peer: String) {
        if bodyBytes == 0 { return }
        state.withLock { state in
            state.bodyBytes -= bodyBytes
            let left = state.bodyBytesOf[peer, default: 0] - bodyBytes
            state.bodyBytesOf[peer] = left == 0 ? nil : left
        }
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
