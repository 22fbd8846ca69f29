import Glibc
import LoopKit
import SSHKit
import Support
import TestSupport
import Testing

/// One loop for all tests, as a coordinator has one for all hosts.
let sharedLoop = Result { try EventLoop(name: "ssh-tests") }

/// Short timeouts: the servers are on loopback.
func options(
    _ library: SSHOptions.Library, keepaliveSeconds: Int = 0, windowBytes: Int = 16 << 20,
    connectTimeoutSeconds: Int = 20
) -> SSHOptions {
    SSHOptions(
        library: library, connectTimeoutSeconds: connectTimeoutSeconds,
        keepaliveSeconds: keepaliveSeconds, windowBytes: windowBytes)
}

extension SSHOptions.Library {
    static let both = allCases
}

extension SSHServer {
    /// - Parameter hostKey: the expected one; nil: the server's own.
    func connect(
        _ options: SSHOptions, as identity: SSHIdentity? = nil,
        expecting hostKey: SSHHostKey? = nil,
        user: String? = nil
    ) async throws -> SSHConnection {
        var endpoint = endpoint
        if let user { endpoint.user = user }
        return try await SSHConnection.connect(
            to: endpoint, expecting: hostKey ?? self.hostKey(),
            identity: identity ?? self.identity(), options: options, loop: sharedLoop.get())
    }

    /// The error with which a connection attempt must end.
    func refusal(
        _ library: SSHOptions.Library, as identity: SSHIdentity? = nil,
        expecting hostKey: SSHHostKey? = nil, user: String? = nil
    ) async throws -> SSHError {
        try await sshError {
            let connection = try await connect(
                SSHKitTests.options(library), as: identity, expecting: hostKey, user: user)
            await connection.close()
        }
    }
}

/// Runs `body` with a server that lives as long as it. (A value lives only until its last use, and
/// a server that is released stops.)
func withServer(
    _ configure: (inout SSHServer.Configuration) -> Void = { _ in },
    _ body: (SSHServer) async throws -> Void
) async throws {
    var configuration = SSHServer.Configuration()
    configure(&configuration)
    let server = try await SSHServer.start(configuration)
    try await body(server)
    withExtendedLifetime(server) {}
}

/// Runs `body` with a connection to a server of its own.
func withConnection(
    _ options: SSHOptions, _ configure: (inout SSHServer.Configuration) -> Void = { _ in },
    _ body: (SSHConnection, SSHServer) async throws -> Void
) async throws {
    try await withServer(configure) { server in
        let connection = try await server.connect(options)
        try await body(connection, server)
        await connection.close()
    }
}

extension SSHConnection {
    /// Runs a command without input and returns its output.
    func output(of command: String) async throws -> String {
        let channel = try await openChannel(command: command)
        let bytes = try await channel.readToEnd()
        await channel.close()
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SSHChannel {
    func readToEnd() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case let piece = try await read(upTo: 1 << 20), !piece.isEmpty { bytes += piece }
        return bytes
    }
}

/// Bytes that show their position: they have no period in common with packets or windows.
func pattern(_ count: Int) -> [UInt8] {
    var state: UInt64 = 88_172_645_463_325_252
    let block = (0..<8191).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + block.count)
    while bytes.count < count { bytes += block }
    bytes.removeLast(bytes.count - count)
    return bytes
}

/// The error that `body` must throw.
func sshError(_ body: () async throws -> Void) async throws -> SSHError {
    try #require(await #expect(throws: SSHError.self) { try await body() })
}

/// A TCP port that accepts connections, sends `greeting`, then disconnects or stays silent.
final class TCPServer: Sendable {
    let port: UInt16
    private let serving: Task<Void, any Error>

    var endpoint: SSHEndpoint { SSHEndpoint(user: "root", host: "127.0.0.1", port: port) }

    init(greeting: String = "", hangsUp: Bool = false) throws {
        let loop = try sharedLoop.get()
        let (listener, port) = try LoopbackPort.listen()
        self.port = port
        serving = Task {
            // Closed here only: if it were closed while this task uses it, its number could already
            // belong to another test's socket.
            defer {
                loop.forget(fd: listener)
                close(listener)
            }
            var peers: [AsyncDescriptor] = []
            while true {
                _ = try await loop.wait(fd: listener, for: .readable)
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { continue }
                let stream = try AsyncDescriptor(Descriptor(owning: peer), loop: loop)
                try await stream.write(Array(greeting.utf8))
                if hangsUp { stream.close() } else { peers.append(stream) }
            }
        }
    }

    deinit { serving.cancel() }
}
