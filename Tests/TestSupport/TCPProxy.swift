import CLinux
import Glibc
import LoopKit
import Support
import Synchronization

/// A network in between: a port of 127.0.0.1 whose connections go on to a server, and which can be
/// cut or held. What is held is not lost: it goes on when the way is open again, as in a network
/// that drops packets which are then sent again.
public final class TCPProxy: Sendable {
    public enum Weather: Sendable, Hashable, CaseIterable {
        case open
        /// Connections are reset, new ones too.
        case cut
        /// Nothing gets through, nobody is told.
        case held
        case heldToServer
        case heldToClient
    }

    private enum Direction { case toServer, toClient }

    private struct State {
        var weather = Weather.open
        var streams: [UInt64: (client: AsyncDescriptor, server: AsyncDescriptor)] = [:]
        var lastID: UInt64 = 0
        var isClosed = false
        var flippedByte: Int?
        var heldByte: Int?
    }

    public let port: UInt16
    private let serverPort: UInt16
    private let listener: Int32
    private let loop: EventLoop
    private let state = Mutex(State())

    private static let loop = Result { try EventLoop(name: "proxy") }
    private static let holdMilliseconds: Int64 = 5

    public init(to serverPort: UInt16) throws {
        self.serverPort = serverPort
        loop = try Self.loop.get()
        (listener, port) = try LoopbackPort.listen()
        Task { [weak self, listener, loop] in
            while (try? await loop.wait(fd: listener, for: .readable)) == true {
                guard let self, !self.state.withLock(\.isClosed) else { return }
                self.acceptAll()
            }
        }
    }

    deinit {
        reset()
        loop.forget(fd: listener)
        close(listener)
    }

    public var weather: Weather { state.withLock(\.weather) }

    public func set(_ weather: Weather) {
        state.withLock { $0.weather = weather }
        if weather == .cut { reset() }
    }

    /// Changes one bit of what each connection sends to the server from now on, so many bytes after
    /// its beginning; `nil`: none.
    public func flipBit(ofByte index: Int?) { state.withLock { $0.flippedByte = index } }

    /// Each connection gets stuck so many bytes after its beginning, on the way to the server;
    /// `nil`: none does, and those that were stuck go on.
    public func hold(fromByte index: Int?) { state.withLock { $0.heldByte = index } }

    /// Connections that are open now.
    public var connections: Int { state.withLock(\.streams.count) }

    private func reset() {
        let streams = state.withLock { state in
            defer { state.streams = [:] }
            return state.streams.values.map { ($0.client, $0.server) }
        }
        for (client, server) in streams {
            client.close()
            server.close()
        }
    }

    private func acceptAll() {
        while true {
            let accepted = aib_accept(listener)
            guard accepted >= 0 else { return }
            let client = Descriptor(owning: accepted)
            guard weather != .cut, let server = connect(),
                let near = try? AsyncDescriptor(client, loop: loop),
                let far = try? AsyncDescriptor(server, loop: loop)
            else { continue }
            let id = state.withLock { state in
                state.lastID += 1
                state.streams[state.lastID] = (near, far)
                return state.lastID
            }
            Task { [weak self] in
                async let up: Void = Self.copy(self, .toServer, from: near, to: far)
                async let down: Void = Self.copy(self, .toClient, from: far, to: near)
                _ = await (up, down)
                near.close()
                far.close()
                _ = self?.state.withLock { $0.streams.removeValue(forKey: id) }
            }
        }
    }

    private static func copy(
        _ proxy: TCPProxy?, _ direction: Direction, from source: AsyncDescriptor,
        to sink: AsyncDescriptor
    ) async {
        do {
            var passed = 0
            while true {
                var bytes = try await source.read(upTo: 64 << 10)
                if direction == .toServer, let flipped = proxy?.state.withLock(\.flippedByte),
                    bytes.indices.contains(flipped - passed)
                {
                    bytes[flipped - passed] ^= 1
                }
                passed += bytes.count
                while proxy?.holds(direction, passed) == true {
                    try await Task.sleep(for: .milliseconds(holdMilliseconds))
                }
                if bytes.isEmpty { return try sink.shutdownWrite() }
                try await sink.write(bytes)
            }
        } catch {
            // One side is gone: so is the other.
            source.close()
            sink.close()
        }
    }

    private func holds(_ direction: Direction, _ passed: Int) -> Bool {
        if direction == .toServer, let held = state.withLock(\.heldByte), passed > held {
            return true
        }
        return switch weather {
        case .open, .cut: false
        case .held: true
        case .heldToServer: direction == .toServer
        case .heldToClient: direction == .toClient
        }
    }

    /// On loopback a connection is made or refused at once.
    private func connect() -> Descriptor? {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: Glibc.socket(AF_INET, type, 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(serverPort).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if code == 0 { return socket }
        return nil
    }
}
