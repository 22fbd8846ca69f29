import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

@Suite("HTTP server") struct ServerTests {
    private let client = HTTPClient()

    @Test("A handler gets the request as it was sent")
    func handsOverTheRequest() async throws {
        try await withServer({ request in
            .text(
                [
                    request.method, request.path, request.query["q"] ?? "-",
                    request.headers["x-test"] ?? "-", request.remoteAddress,
                    String(decoding: request.body, as: UTF8.self),
                ].joined(separator: "|"))
        }) { base, _ in
            let answer = try await client.request(
                "PUT", base + "/a%20b?q=1%262", headers: ["X-Test": "yes"], body: Array("body".utf8)
            )
            #expect(answer.status == 200)
            #expect(
                String(decoding: answer.body, as: UTF8.self) == "PUT|/a b|1&2|yes|127.0.0.1|body")
            let empty = try await client.request("POST", base + "/")
            #expect(String(decoding: empty.body, as: UTF8.self) == "POST|/|-|-|127.0.0.1|")
        }
    }

    @Test("Large bodies pass in both directions")
    func carriesLargeBodiesBothWays() async throws {
        try await withServer({ HTTPResponse(body: .bytes($0.body)) }) { base, _ in
            let bytes = pattern(6 << 20)
            let answer = try await client.request("POST", base + "/", body: bytes)
            #expect(answer.body == bytes)
        }
    }

    @Test("A body over the limit is refused without reaching the handler")
    func refusesLargeBodies() async throws {
        var limits = HTTPServerLimits()
        limits.bodyBytes = 100_000
        let handled = Mutex(0)
        try await withServer(
            limits: limits,
            { request in
                handled.withLock { $0 += 1 }
                return .text("\(request.body.count)")
            }
        ) { base, _ in
            let fits = [UInt8](repeating: 1, count: 100_000)
            #expect(
                try await client.request("POST", base + "/", body: fits).body
                    == Array("100000".utf8))
            for size in [100_001, 3 << 20] {
                let body = [UInt8](repeating: 1, count: size)
                #expect(try await client.request("POST", base + "/", body: body).status == 413)
                #expect(
                    try await curl(
                        "-o", "/dev/null", "-w", "%{http_code}", "-H", "Transfer-Encoding: chunked",
                        "-H", "Expect:", "--data-binary", "@-", base + "/", stdin: body) == "413")
            }
            let text = try await curl(
                "-H", "Expect: 100-continue", "--data-binary", "@-", base + "/",
                stdin: [UInt8](repeating: 1, count: 200_000))
            #expect(text.contains("larger than 100000 bytes"))
            #expect(handled.withLock(\.self) == 1)
        }
    }

    @Test("Too large a body is discarded, and may get an answer of its own")
    func answersOversizedBodies() async throws {
        var limits = HTTPServerLimits()
        limits.bodyBytes = 1000
        try await withServer(
            limits: limits, oversized: { $0.path == "/hook" ? .text("ignored") : nil },
            { .text("\($0.body.count)") }
        ) { base, _ in
            for (path, size, text) in [("/hook", 9, "9"), ("/hook", 1 << 20, "ignored")] {
                let body = [UInt8](repeating: 1, count: size)
                let answer = try await client.request("POST", base + path, body: body)
                #expect(answer.status == 200 && answer.body == Array(text.utf8))
                let chunked = try await curl(
                    "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "--data-binary", "@-",
                    base + path, stdin: body)
                #expect(chunked == text)
            }
        }
    }

    @Test("All bodies together are bounded, and the bound is given back")
    func boundsAllBodiesTogether() async throws {
        var limits = HTTPServerLimits()
        limits.allBodiesBytes = 1000
        try await withServer(limits: limits, { _ in .empty }) { base, _ in
            // Repeated: what was reserved from the limit is returned.
            for (size, status) in [(900, 204), (1100, 503), (900, 204), (1100, 503), (900, 204)] {
                let body = [UInt8](repeating: 1, count: size)
                let answer = try await client.request("POST", base + "/", body: body)
                #expect(answer.status == status)
            }
        }
    }

    @Test("Hostile requests are refused, and the server keeps serving")
    func refusesBadTargetsAndHugeHeaders() async throws {
        var limits = HTTPServerLimits()
        limits.idleSeconds = 1
        try await withServer(limits: limits, { .text($0.path) }) { base, server in
            for target in ["/%2e%2e/x", "/a/../b", "/a%00b", "/%zz"] {
                let code = try await curl(
                    "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", base + target)
                #expect(code == "400", "\(target)")
            }
            let huge = String(repeating: "x", count: 60_000)
            #expect(
                try await curl("-o", "/dev/null", "-w", "%{http_code}", "-H", "A: \(huge)", base)
                    == "431")
            let port = server.boundPort
            // Whatever the library makes of these, the server survives and the handler sees no bad
            // path.
            for text in [
                "GET /a\u{0}/../b HTTP/1.1\r\nHost: h\r\n\r\n", "\u{0}\u{0}\r\n\r\n",
                "GET / HTTP/9.9\r\n\r\n", "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "GET\r\n\r\n",
            ] {
                let answer = try await OwnThread.run {
                    let connection = try RawConnection(port: port)
                    connection.send(text)
                    shutdownWriting(connection)
                    return connection.read(until: "\u{1}")
                }
                #expect(!answer.contains(".."))
            }
            #expect(try await client.request("GET", base + "/ok").status == 200)
        }
    }

    @Test("HEAD is answered without a body, and a stream is not started")
    func leavesOutTheBodyForHead() async throws {
        let source = TestSource { _ in [1] }
        try await withServer({ request in
            request.path == "/s" ? .events(source) : .text("twelve bytes")
        }) { base, _ in
            let head = try await client.request("HEAD", base + "/")
            #expect(head.headers["Content-Length"] == "12")
            #expect(head.body.isEmpty)
            #expect(try await client.request("HEAD", base + "/s").status == 200)
            try await eventually("the source is let go") { source.cancelledCount == 1 }
            #expect(source.asked == 0)
        }
    }

    @Test("A connection is reused")
    func keepsConnectionsOpen() async throws {
        try await withServer({ .text($0.path) }) { base, _ in
            let text = try await curl("-w", "%{num_connects};", base + "/a", base + "/b")
            #expect(text == "/a1;/b0;")
        }
    }

    @Test("Waiting handlers do not block each other")
    func answersManyAtATimeWhileHandlersWait() async throws {
        let waiting = Mutex(0)
        try await withServer({ _ in
            waiting.withLock { $0 += 1 }
            // No handler ends before all have begun.
            try? await eventually("all began") { waiting.withLock { $0 == 20 } }
            return .empty
        }) { base, _ in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await client.request("GET", base + "/").status }
                }
                for try await status in group { #expect(status == 204) }
            }
        }
    }

    @Test("A taken port is reported with the process that has it")
    func namesWhoHasThePort() async throws {
        try await withServer({ _ in .empty }) { _, server in
            let port = server.boundPort
            let second = HTTPServer(
                host: "127.0.0.1", port: port, portSetting: "--port / api.port"
            ) { _ in .served { _ in .empty } }
            let error = #expect(throws: HTTPServerError.self) { try second.start() }
            let text = try #require(error?.description)
            #expect(text.hasPrefix("port \(port) on 127.0.0.1 is in use by "))
            #expect(text.contains("(pid \(ownProcess()))"))
            #expect(text.hasSuffix("; stop it or choose another with --port / api.port"))
        }
        for host in ["no address", "example.com", "203.0.113.7"] {
            let server = HTTPServer(host: host, port: 0) { _ in .empty }
            #expect(throws: HTTPServerError.self) { try server.start() }
        }
    }

    @Test("A stopped server frees its port at once")
    func freesThePortAndCanStartAgain() async throws {
        let first = HTTPServer(host: "localhost", port: 0) { _ in .empty }
        try first.start()
        let port = first.boundPort
        let url = "http://127.0.0.1:\(port)/"
        #expect(try await client.request("GET", url).status == 204)
        await first.stop()
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.request("GET", url)
        }
        #expect(error?.code == .refused)
        let second = HTTPServer(host: "localhost", port: port) { _ in .empty }
        try second.start()
        #expect(try await client.request("GET", url).status == 204)
        await second.stop()
    }

    @Test("A server on :: also serves IPv4")
    func listensOnIPv6() async throws {
        let server = HTTPServer(host: "::", port: 0) { .text($0.remoteAddress) }
        try server.start()
        let text = try await curl("http://127.0.0.1:\(server.boundPort)/")
        #expect(text == "127.0.0.1")
        await server.stop()
    }
}
