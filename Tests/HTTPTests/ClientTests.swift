import HTTPClientKit
import HTTPTypes
import TestSupport
import Testing

@Suite("HTTP client") struct ClientTests {
    private let client = HTTPClient()

    private func failure(_ url: String, timeouts: HTTPTimeouts = HTTPTimeouts()) async throws
        -> HTTPClientError
    {
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.download(
                DownloadRequest(url: url, timeouts: timeouts), to: MemorySink())
        }
        return try #require(error)
    }

    @Test("A refusal quotes the server, and omits the query")
    func quotesTheServersWords() async throws {
        try await withServer({ request in
            request.path == "/gone"
                ? Problem.notFound("no build 7", remedy: "aibuild builds lists them").response
                : .text(String(repeating: "x", count: 1 << 20), status: 503)
        }) { base, _ in
            let gone = try await failure(base + "/gone?token=secret")
            #expect(gone.code == .status(404))
            #expect(gone.isPermanent)
            #expect(
                gone.message
                    == "\(base)/gone answers 404 Not Found: no build 7; aibuild builds lists them")
            #expect(gone.problem?.remedy == "aibuild builds lists them")
            let busy = try await failure(base + "/busy")
            #expect(busy.code == .status(503))
            #expect(!busy.isPermanent)
            // `request` leaves the handling of the status to its caller.
            #expect(try await client.request("GET", base + "/gone").status == 404)
        }
    }

    @Test("A transfer without progress is ended as stalled")
    func noticesAStall() async throws {
        let server = try RawServer { connection in
            _ = connection.read(until: "\r\n\r\n")
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
            // Until the client gives up.
            _ = connection.read(until: "\u{1}")
        }
        let error = try await failure(
            "http://127.0.0.1:\(server.port)/image", timeouts: HTTPTimeouts(stallSeconds: 0.3))
        #expect(error.code == .stalled)
        #expect(error.message.hasSuffix("/image stalled: no byte for 0.3 s"))
        #expect(!error.isPermanent)
    }

    @Test("A transfer is ended at its time limit even if bytes keep coming")
    func boundsTheWholeTime() async throws {
        let source = TestSource { _ in
            [1]
        }
        try await withServer({ _ in HTTPResponse(body: .stream(source)) }) { base, _ in
            let error = try await failure(base + "/", timeouts: HTTPTimeouts(totalSeconds: 0.3))
            #expect(error.code == .timedOut)
        }
    }

    @Test("A response that ends early is reported as broken")
    func noticesABrokenAnswer() async throws {
        let server = try RawServer { connection in
            _ = connection.read(until: "\r\n\r\n")
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.")
        }
        #expect(try await failure("http://127.0.0.1:\(server.port)/").code == .broken)
    }

    @Test("Each failure to connect has its own kind, and no message contains a secret")
    func saysWhatIsWrong() async throws {
        // A port that was free a moment ago and is never assigned at random.
        let refused = try await failure("http://127.0.0.1:1/x")
        #expect(refused.code == .refused)
        #expect(refused.message.contains("is the server running there?"))
        let unknown = try await failure("http://user:secret@host.invalid/x?token=secret")
        #expect(unknown.code == .couldNotResolve)
        #expect(unknown.message.hasPrefix("cannot reach http://host.invalid/x:"))
        #expect(try await failure("gopher://127.0.0.1/").code == .protocolForbidden)
        #expect(try await failure("http://").code == .invalidRequest)
        #expect(try await failure("http://a b/").code == .invalidRequest)
    }

    @Test("A method or header cannot inject a line")
    func letsNothingBreakOutOfItsLine() async throws {
        let error = await #expect(throws: HTTPClientError.self) {
            try await client.request(
                "GET", "http://127.0.0.1:1/", headers: ["A": "b\r\nX-Evil: 1"])
        }
        #expect(error?.code == .invalidRequest)
        await #expect(throws: HTTPClientError.self) {
            try await client.request("GET / HTTP/1.1\r\n", "http://127.0.0.1:1/")
        }
    }

    @Test("Response size, transfers and waiting transfers are bounded")
    func boundsAnswersAndTransfers() async throws {
        var limits = HTTPClientLimits()
        limits.answerBytes = 1000
        limits.transfers = 1
        limits.waitingTransfers = 1
        let small = HTTPClient(limits: limits)
        let source = TestSource { _ in [UInt8](repeating: 0, count: 300) }
        let quiet = TestSource { _ in
            await untilCancelled()
            return nil
        }
        try await withServer({ request in
            HTTPResponse(body: .stream(request.path == "/quiet" ? quiet : source))
        }) { base, _ in
            let error = await #expect(throws: HTTPClientError.self) {
                try await small.request("GET", base + "/endless")
            }
            #expect(error?.code == .tooLarge)
            let first = Task { try await small.request("GET", base + "/quiet") }
            try await eventually("the only thread is taken") { quiet.asked == 1 }
            // Of two more, one waits and the other is refused.
            let refusals = Notes<HTTPClientError.Code>()
            let others = (0..<2).map { _ in
                Task {
                    do throws(HTTPClientError) {
                        _ = try await small.request("GET", base + "/quiet")
                    } catch {
                        refusals.add(error.code)
                        throw error
                    }
                }
            }
            try await eventually("one is refused") { refusals.all == [.busy] }
            for task in others { task.cancel() }
            first.cancel()
            for task in others {
                await #expect(throws: HTTPClientError.self) { try await task.value }
            }
            await #expect(throws: HTTPClientError.self) { try await first.value }
        }
    }
}
