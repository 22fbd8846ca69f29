import CLinux
import Glibc
import LoopKit
import Support
import Synchronization

/// A TCP proxy that simulates network faults: it forwards the connections to a port of 127.0.0.1 to
/// a server, and can reset or stall them. Stalled data is not lost: it is forwarded when the
/// network recovers, as when TCP retransmits dropped packets.
public final class TCPProxy: Sendable {
    public enum Mode: Sendable, Hashable, CaseIterable {
        case open
        /// Connections are reset, including new ones.
        case cut
        /// No data gets through, and no error is reported.
        case held
        case heldToServer
        case heldToClient
    }

    private enum Direction { case toServer, toClient }

    private struct State {
        var mode = Mode.open
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

    public var mode: Mode { state.withLock(\.mode) }

    public func set(_ mode: Mode) {
        state.withLock { $0.mode = mode }
        if mode == .cut { reset() }
    }

    /// From now on, one bit that each connection sends to the server is flipped, this many bytes
    /// after its start; `nil`: none.
    public func flipBit(ofByte index: Int?) { state.withLock { $0.flippedByte = index } }

    /// Each connection stalls this many bytes after its start, towards the server; `nil`: none
    /// does, and stalled ones continue.
    public func hold(fromByte index: Int?) { state.withLock { $0.heldByte = index } }

    /// The number of open connections.
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
            guard mode != .cut, let server = connect(),
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
            // One side has closed: close the other.
            source.close()
            sink.close()
        }
    }

    private func holds(_ direction: Direction, _ passed: Int) -> Bool {
        if direction == .toServer, let held = state.withLock(\.heldByte), passed > held {
            return true
        }
        return switch mode {
        case .open, .cut: false
        case .held: true
        case .heldToServer: direction == .toServer
        case .heldToClient: direction == .toClient
        }
    }

    /// On loopback a connection succeeds or is refused at once.
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
