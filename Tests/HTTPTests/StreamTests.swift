import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

@Suite("Streams") struct StreamTests {
    @Test("A stream arrives in order and whole")
    func streamsInOrderToTheEnd() async throws {
        let pieces = (0..<50).map { pattern($0 * 1000) }
        let source = TestSource { $0 < pieces.count ? pieces[$0] : nil }
        try await withServer({ _ in HTTPResponse(body: .stream(source)) }) { base, _ in
            let answer = try await HTTPClient().request("GET", base + "/")
            #expect(answer.body == pieces.flatMap { $0 })
        }
        #expect(source.cancelledCount == 0)
    }

    @Test("200 streams are served at once")
    func serves200StreamsAtATime() async throws {
        let open = Mutex(0)
        try await withServer({ _ in
            .events(
                TestSource { number in
                    if number == 0 { open.withLock { $0 += 1 } }
                    // No client gets the second piece before all have begun.
                    try? await eventually("all began") { open.withLock { $0 == 200 } }
                    return number < 20 ? Array("data: \(number)\n\n".utf8) : nil
                })
        }) { base, _ in
            var limits = HTTPClientLimits()
            limits.transfers = 200
            let client = HTTPClient(limits: limits)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        let parser = Mutex(ServerSentEventParser())
                        let count = Mutex(0)
                        try await client.stream(base + "/") { bytes in
                            let piece = Array(bytes)
                            let events = try parser.withLock { try $0.feed(piece) }
                            count.withLock { $0 += events.count }
                        }
                        return count.withLock(\.self)
                    }
                }
                for try await count in group { #expect(count == 20) }
            }
        }
    }

    @Test("A slow reader slows its source")
    func aSlowReaderSlowsItsSource() async throws {
        let piece = pattern(64 << 10)
        // Four GiB, if nothing limited it.
        let source = TestSource { $0 < 65536 ? piece : nil }
        try await withServer({ _ in HTTPResponse(body: .stream(source)) }) { _, server in
            let port = server.boundPort
            let connection = try await OwnThread.run {
                let connection = try RawConnection(port: port, receiveBufferBytes: 4096)
                connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                return connection
            }
            // Until no more pieces are requested: the buffers of the sockets are full.
            var before = -1
            try await eventually("the source is held back") {
                let now = source.asked
                defer { before = now }
                try? await Task.sleep(for: .milliseconds(200))
                return now > 0 && now == before
            }
            #expect(source.asked * piece.count < 32 << 20)
            _ = connection
        }
        try await eventually("the source is let go") { source.cancelledCount == 1 }
    }

    @Test("A source is cancelled when its client disconnects")
    func noticesThatTheClientIsGone() async throws {
        let source = TestSource { _ in
            Array(": still there\n\n".utf8)
        }
        try await withServer({ _ in .events(source) }) { _, server in
            let port = server.boundPort
            try await OwnThread.run {
                let connection = try RawConnection(port: port)
                connection.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = connection.read(until: "still there")
            }
            try await eventually("the source is told") { source.cancelledCount == 1 }
        }
        #expect(source.cancelledCount == 1)
    }

    @Test("A client can end a stream that is silent")
    func theClientCanEndAStreamAtOnce() async throws {
        let source = TestSource { number in
            if number == 0 { return [1] }
            await untilCancelled()
            return nil
        }
        try await withServer({ _ in .events(source) }) { base, _ in
            let got = Mutex(0)
            let task = Task {
                try await HTTPClient().stream(base + "/") { bytes in
                    let count = bytes.count
                    got.withLock { $0 += count }
                }
            }
            try await eventually("the first piece") { got.withLock { $0 == 1 } }
            task.cancel()
            let error = await #expect(throws: HTTPClientError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
        // The server stopped meanwhile: the waiting source was cancelled, not awaited.
        try await eventually("the source is let go") { source.cancelledCount == 1 }
    }

    @Test("Stopping the server cuts streams so that none looks complete")
    func stopCutsStreamsSoThatNoneLooksComplete() async throws {
        let source = TestSource { number in
            if number == 0 { return [1] }
            await untilCancelled()
            return [2]
        }
        let server = HTTPServer(host: "127.0.0.1", port: 0) { _ in .events(source) }
        try server.start()
        let port = server.boundPort
        let task = Task {
            try await HTTPClient().request("GET", "http://127.0.0.1:\(port)/")
        }
        try await eventually("the source waits") { source.asked == 2 }
        await server.stop()
        let error = await #expect(throws: HTTPClientError.self) { try await task.value }
        #expect(error?.code == .broken)
        try await eventually("the source is let go") { source.cancelledCount == 1 }
    }

    @Test("Stopping waits for responses up to its grace period")
    func stopWaitsForAnswersButNotForEver() async throws {
        var limits = HTTPServerLimits()
        limits.stopGraceSeconds = 1
        let began = Mutex(0)
        let cancelled = Mutex(false)
        let release = Mutex(false)
        let server = HTTPServer(host: "127.0.0.1", port: 0, limits: limits) { request in
            began.withLock { $0 += 1 }
            if request.path == "/hang" {
                await untilCancelled()
                cancelled.withLock { $0 = true }
            } else {
                try? await eventually("released") { release.withLock(\.self) }
            }
            return .text("done")
        }
        try server.start()
        let base = "http://127.0.0.1:\(server.boundPort)"
        let hanging = Task { try await HTTPClient().request("GET", base + "/hang") }
        let short = Task { try await HTTPClient().request("GET", base + "/short") }
        try await eventually("both began") { began.withLock { $0 == 2 } }
        async let stopped: Void = server.stop()
        release.withLock { $0 = true }
        #expect(try await short.value.body == Array("done".utf8))
        await stopped
        let error = await #expect(throws: HTTPClientError.self) { try await hanging.value }
        #expect(error?.code == .broken)
        try await eventually("the handler's task is cancelled") { cancelled.withLock(\.self) }
    }

    @Test("A stopping server closes new connections, and ends what is under way")
    func stoppingServerTakesNoConnections() async throws {
        let began = Mutex(false)
        let release = Mutex(false)
        let server = HTTPServer(host: "127.0.0.1", port: 0) { _ in
            began.withLock { $0 = true }
            try? await eventually("released") { release.withLock(\.self) }
            return .text("done")
        }
        try server.start()
        let url = "http://127.0.0.1:\(server.boundPort)/"
        let first = Task { try await HTTPClient().request("GET", url) }
        try await eventually("the request is handled") { began.withLock(\.self) }
        async let stopped: Void = server.stop()
        try await eventually("a new connection is closed") {
            do {
                // Handled, it would not end before the release.
                _ = try await HTTPClient().request(
                    "GET", url, timeouts: HTTPTimeouts(totalSeconds: 0.5))
                return false
            } catch let error as HTTPClientError {
                return error.code == .broken || error.code == .refused
            }
        }
        release.withLock { $0 = true }
        #expect(try await first.value.body == Array("done".utf8))
        await stopped
    }
}
