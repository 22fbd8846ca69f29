import Glibc
import LoopKit
import Support
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct StreamTests {
    let folder: TemporaryFolder
    let loop: EventLoop

    init() throws {
        folder = try TemporaryFolder()
        loop = try LoopKitTests.loop.get()
    }

    private func connected() async throws -> (AsyncDescriptor, AsyncDescriptor) {
        let listener = try UnixListener(path: folder.path + "/s", loop: loop)
        defer { listener.close() }
        async let accepted = listener.accept()
        let near = try await UnixSocket.connect(path: listener.path, loop: loop)
        return (near, try await accepted)
    }

    private func pipeEnds() throws -> (read: AsyncDescriptor, write: AsyncDescriptor) {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let readEnd = Descriptor(owning: ends[0])
        let writeEnd = Descriptor(owning: ends[1])
        return (
            try AsyncDescriptor(readEnd, loop: loop), try AsyncDescriptor(writeEnd, loop: loop)
        )
    }

    /// Bytes that show where they belong.
    private func pattern(_ count: Int, seed: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 31) &+ ($0 >> 8) &+ seed) }
    }

    private func readAll(_ stream: AsyncDescriptor) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = try await stream.read(upTo: 100_000)
            if piece.isEmpty { return bytes }
            bytes += piece
        }
    }

    @Test("Bytes arrive unchanged in both directions at once") func bigTransfersBothWaysAtOnce()
        async throws
    {
        let (near, far) = try await connected()
        let there = pattern(8 << 20, seed: 1)
        let back = pattern(8 << 20, seed: 2)
        async let sent: Void = near.write(there)
        async let returned: Void = far.write(back)
        async let gotBack = readAll(near)
        async let got = readAll(far)
        try await sent
        try near.shutdownWrite()
        try await returned
        try far.shutdownWrite()
        #expect(try await got == there)
        #expect(try await gotBack == back)
    }

    @Test("A writer waits for the reader") func aWriterWaitsForTheReader() async throws {
        let (end, start) = try pipeEnds()
        let bytes = pattern(1 << 20, seed: 3)
        let finished = Task {
            try await start.write(bytes)
            return true
        }
        // A pipe holds 64 KiB: the writer is done only when the last of them can be taken.
        var got: [UInt8] = []
        while got.count < bytes.count {
            got += try await end.read(upTo: 4096)
        }
        #expect(try await finished.value)
        #expect(got == bytes)
        start.close()
        #expect(try await end.read(upTo: 1).isEmpty)
    }

    @Test("Closing a stream ends a read in progress") func closeEndsAReadInProgress() async throws {
        for _ in 0..<200 {
            let (near, _) = try pipeEnds()
            let reading = Task { try await near.read(upTo: 10) }
            near.close()
            near.close()
            await #expect(throws: (any Error).self) {
                // The end of the stream, if the writing end was let go of first.
                if try await reading.value.isEmpty { throw CancellationError() }
            }
        }
    }

    @Test("A writer gets an error if its peer is gone") func aGonePeerIsAnErrorForTheWriter()
        async throws
    {
        let (near, far) = try await connected()
        far.close()
        await #expect(throws: SystemError.self) {
            try await near.write([UInt8](repeating: 0, count: 1 << 20))
        }
        // A child that another test forks at this moment holds the peer open until it executes its
        // program; what was written meanwhile is then lost unread.
        do {
            #expect(try await near.read(upTo: 1).isEmpty)
        } catch let error as SystemError {
            #expect(error.errno == ECONNRESET)
        }
    }

    @Test("A socket file is private, and a stale one is replaced")
    func theSocketFileIsPrivateAndAStaleOneIsReplaced() async throws {
        let path = folder.path + "/agent.sock"
        // A socket file without a process behind it, as a killed daemon leaves it.
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let stale = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(stale.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)

        let listener = try UnixListener(path: path, loop: loop)
        var info = stat()
        try #require(stat(path, &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)

        let second = #expect(throws: SystemError.self) { try UnixListener(path: path, loop: loop) }
        #expect(second?.errno == EADDRINUSE)
        listener.close()
        #expect(!Files.exists(path))
    }

    @Test("A file in the place of the socket is kept") func aFileInTheWayIsKept() throws {
        let path = folder.path + "/precious"
        try Files.replace(path, with: [1, 2, 3])
        let error = #expect(throws: SystemError.self) { try UnixListener(path: path, loop: loop) }
        #expect(error?.errno == ENOTSOCK)
        #expect(Files.sizeBytes(path) == 3)
    }

    @Test("A refused connection to a socket names its path") func nobodyListens()
        async throws
    {
        let path = folder.path + "/none"
        let error = await #expect(throws: SystemError.self) {
            _ = try await UnixSocket.connect(path: path, loop: loop)
        }
        #expect(error?.errno == ENOENT)
        #expect(error?.description.contains(path) == true)
        await #expect(throws: SystemError.self) {
            let tooLong = String(repeating: "x", count: 200)
            _ = try await UnixSocket.connect(path: tooLong, loop: loop)
        }
    }

    @Test("Closing a listener ends an accept in progress") func closeEndsAccept() async throws {
        let listener = try UnixListener(path: folder.path + "/s", loop: loop)
        let accepting = Task { try await listener.accept() }
        listener.close()
        await #expect(throws: SystemError.self) { _ = try await accepting.value }
    }

    @Test("A listener serves many connections at once") func manyConnectionsAtOnce() async throws {
        let listener = try UnixListener(path: folder.path + "/s", loop: loop)
        let loop = loop
        let server = Task {
            for _ in 0..<150 {
                let peer = try await listener.accept()
                Task { try await peer.write(try await peer.read(upTo: 100)) }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<150 {
                group.addTask {
                    let text = Array("hello \(index)".utf8)
                    let stream = try await UnixSocket.connect(path: listener.path, loop: loop)
                    try await stream.write(text)
                    #expect(try await stream.read(upTo: 100) == text)
                }
            }
            try await group.waitForAll()
        }
        try await server.value
        listener.close()
    }
}
