import Glibc
import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import Testing

/// Runs `body` with a server on any free port; `body` gets its base URL.
func withServer(
    limits: HTTPServerLimits = HTTPServerLimits(),
    refusal: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
    oversized: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
    _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
    _ body: (String, HTTPServer) async throws -> Void
) async throws {
    let server = HTTPServer(
        host: "127.0.0.1", port: 0, limits: limits, oversized: oversized,
        admit: { request in refusal(request).map { .refused($0) } ?? .served(handler) })
    try server.start()
    do {
        try await body("http://127.0.0.1:\(server.boundPort)", server)
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// Runs the real curl and returns its output, followed by the `%{…}` of `--write-out`.
func curl(_ arguments: String..., stdin: [UInt8] = []) async throws -> String {
    let path = try #require(Command.find("curl", path: "/usr/bin:/bin"))
    let output = try await Command(
        [path, "-sS", "--max-time", "30"] + arguments, environment: Command.minimalEnvironment
    )
    .run(stdin: stdin, timeoutSeconds: 300, outputLimitBytes: 64 << 20)
    return output.stdoutText + (output.status.isSuccess ? "" : output.stderrText)
}

/// A source that a test controls and inspects.
final class TestSource: HTTPStreamSource {
    private struct State {
        var asked = 0
        var cancelled = 0
    }

    private let state = Mutex(State())
    private let piece: @Sendable (Int) async -> [UInt8]?

    /// - Parameter piece: gets the number of earlier calls.
    init(_ piece: @escaping @Sendable (Int) async -> [UInt8]?) { self.piece = piece }

    var asked: Int { state.withLock(\.asked) }
    var cancelledCount: Int { state.withLock(\.cancelled) }

    func next() async -> [UInt8]? {
        let number = state.withLock { state in
            state.asked += 1
            return state.asked - 1
        }
        return await piece(number)
    }

    func cancelled() async { state.withLock { $0.cancelled += 1 } }
}

/// A raw TCP connection. Blocking: use it on a thread of its own.
final class RawConnection: Sendable {
    let fd: Int32

    init(port: UInt16, receiveBufferBytes: Int32 = 0) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if receiveBufferBytes > 0 {
            var size = receiveBufferBytes
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw SystemError.last("cannot connect") }
    }

    init(accepted fd: Int32) { self.fd = fd }

    deinit { close(fd) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Whether the other side has closed or reset it, after what it sent was dropped here.
    var isClosed: Bool {
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(fd, &block, block.count, Int32(MSG_PEEK | MSG_DONTWAIT))
            if count == 0 { return true }
            if count < 0 { return errno != EAGAIN }
            return false
        }
    }

    /// As `isClosed`, after what the other side has sent is read and dropped.
    var isClosedBehindWhatWasSent: Bool {
        var block = [UInt8](repeating: 0, count: 65536)
        while recv(fd, &block, block.count, Int32(MSG_DONTWAIT)) > 0 {}
        return isClosed
    }

    /// Reads until `end` has arrived, or the other side closes.
    func read(until end: String) -> String {
        var all: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(fd, &block, block.count)
            if count <= 0 { return String(decoding: all, as: UTF8.self) }
            all += block[..<count]
            let text = String(decoding: all, as: UTF8.self)
            if text.contains(end) { return text }
        }
    }
}

/// A raw server: `serve` gets each connection, one after the other, on a thread of its own.
final class RawServer: Sendable {
    let port: UInt16
    private let listener: Int32

    init(_ serve: @escaping @Sendable (RawConnection) -> Void) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) | listen(listener, 8)
                    | getsockname(listener, $0, &length)
            }
        }
        try #require(code == 0)
        port = address.sin_port.bigEndian
        self.listener = listener
        Task {
            try await OwnThread.run {
                while true {
                    let fd = accept(listener, nil, nil)
                    if fd < 0 { return }
                    serve(RawConnection(accepted: fd))
                }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}

/// Keeps what it receives, as a file would.
final class MemorySink: DownloadSink {
    private struct State {
        var bytes: [UInt8]
        var began: [Int64] = []
        var total: Int64?
    }

    private let state: Mutex<State>

    init(_ bytes: [UInt8] = []) { state = Mutex(State(bytes: bytes)) }

    var bytes: [UInt8] { state.withLock(\.bytes) }
    var began: [Int64] { state.withLock(\.began) }
    var total: Int64? { state.withLock(\.total) }

    func begin(offset: Int64, totalBytes: Int64?) throws {
        state.withLock { state in
            state.began.append(offset)
            state.total = totalBytes
            state.bytes.removeSubrange(Int(offset)...)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        let piece = Array(bytes)
        try state.withLock { state in
            guard state.bytes.count == offset else { throw Failure("gap at \(offset)") }
            state.bytes += piece
        }
    }
}

/// `count` bytes that differ from their neighbours.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
}

func shutdownWriting(_ connection: RawConnection) {
    shutdown(connection.fd, Int32(SHUT_WR))
}

func ownProcess() -> Int32 { getpid() }
