import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import Synchronization
import TestSupport
import Testing

/// Clients that hold connections, send without end, or send what can be read in two ways.
@Suite("Hostile clients", .timeLimit(.minutes(3))) struct HostileClientTests {
    private let client = HTTPClient()

    /// Everything that the server sends until it closes the connection.
    private func answer(_ text: String, port: UInt16) async throws -> String {
        try await OwnThread.run {
            let connection = try RawConnection(port: port)
            connection.send(text)
            return connection.read(until: "\u{1}")
        }
    }

    private func connect(_ count: Int, port: UInt16, _ text: String) async throws
        -> [RawConnection]
    {
        try await OwnThread.run {
            try (0..<count).map { _ in
                let connection = try RawConnection(port: port)
                connection.send(text)
                return connection
            }
        }
    }

    /// How many the server has closed.
    private func closed(_ connections: [RawConnection]) -> Int {
        connections.count { $0.isClosed }
    }

    /// As `closed`, of connections that were sent something.
    private func drained(_ connections: [RawConnection]) -> Int {
        connections.count { $0.isClosedBehindWhatWasSent }
    }

    @Test(
        "A request that can be read in two ways is refused, and its connection closed",
        arguments: [
            "Host: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
            "Host: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
            "Host: h\r\nContent-Length: 5\r\nContent-Length: 5",
            "Host: h\r\nContent-Length: 5\r\nContent-Length: 50",
            "Host: h\r\nContent-Length: +5", "Host: h\r\nContent-Length: 5, 5",
            "Host: h\r\nTransfer-Encoding: gzip, chunked", "Host: h\r\nTransfer-Encoding: x",
            "Host: h\r\nTransfer-Encoding: identity",
            "Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Host: h\r\nContent-Length : 5", "X: y", "Host: h\r\nHost: h", "Host: h\r\nhost: i",
        ])
    func refusesAmbiguousRequests(headers: String) async throws {
        let handled = Mutex(0)
        try await withServer({ _ in
            handled.withLock { $0 += 1 }
            return .empty
        }) { base, server in
            let smuggled = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
            let text = try await answer(
                "POST / HTTP/1.1\r\n\(headers)\r\n\r\n\(smuggled)", port: server.boundPort)
            #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text)")
            #expect(!text.contains("HTTP/1.1 2"), "\(text)")
            #expect(handled.withLock(\.self) == 0)
            #expect(try await client.request("GET", base + "/").status == 204)
        }
    }

    @Test("A target for another host than the header's is refused")
    func refusesTwoHosts() async throws {
        try await withServer({ .text($0.path) }) { _, server in
            for (target, status) in [("http://i/x", "400"), ("http://h/x", "200")] {
                let text = try await answer(
                    "GET \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                    port: server.boundPort)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
            }
        }
    }

    @Test("A refused request is answered by its headers, without waiting for its body")
    func refusesBeforeTheBody() async throws {
        let handled = Mutex(0)
        try await withServer(
            refusal: {
                $0.headers["Authorization"] == nil ? Problem.unauthorized("who?").response : nil
            },
            { request in
                handled.withLock { $0 += 1 }
                return .text("\(request.body.count)")
            }
        ) { base, server in
            for length in ["Content-Length: 8000000", "Transfer-Encoding: chunked"] {
                let text = try await answer(
                    "POST / HTTP/1.1\r\nHost: h\r\n\(length)\r\n\r\n", port: server.boundPort)
                #expect(text.hasPrefix("HTTP/1.1 401 "), "\(text)")
            }
            for size in [0, 1, 10_000, 60_000] {
                let body = [UInt8](repeating: 1, count: size)
                #expect(try await client.request("POST", base + "/", body: body).status == 401)
                let known = try await client.request(
                    "POST", base + "/", headers: ["Authorization": "x"], body: body)
                #expect(known.status == 200)
            }
            #expect(try await client.request("GET", base + "/").status == 401)
            #expect(handled.withLock(\.self) == 4)
        }
    }

    @Test("Senders whose body does not come are cut off, and others are served")
    func cutsOffSlowBodies() async throws {
        var limits = HTTPServerLimits()
        limits.bodySeconds = 1
        try await withServer(limits: limits, { _ in .empty }) { base, server in
            let slow = try await connect(
                50, port: server.boundPort,
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc")
            #expect(try await client.request("POST", base + "/", body: [1]).status == 204)
            try await eventually("they are cut off") { closed(slow) == slow.count }
        }
    }

    @Test("Silent connections make room for a client that asks")
    func silentConnectionsMakeRoom() async throws {
        var limits = HTTPServerLimits()
        limits.connections = 64
        limits.connectionsOfPeer = 64
        limits.waitingOfPeer = 16
        limits.threads = 2
        try await withServer(limits: limits, { _ in .empty }) { base, server in
            let silent = try await connect(300, port: server.boundPort, "")
            #expect(try await client.request("GET", base + "/").status == 204)
            try await eventually("all but the newest are closed") { closed(silent) >= 284 }
            let other = try await curl(
                "--interface", "127.0.0.2", "-o", "/dev/null", "-w", "%{http_code}", base)
            #expect(other == "204")
        }
    }

    /// All connections are one address's, which may have them all.
    private func smallPool() -> HTTPServerLimits {
        var limits = HTTPServerLimits()
        limits.connections = 40
        limits.connectionsOfPeer = 40
        limits.waitingOfPeer = 40
        limits.waiting = 40
        limits.spareConnections = 8
        limits.threads = 2
        return limits
    }

    private func askFromElsewhere(_ base: String) async throws -> String {
        try await curl(
            "--interface", "127.0.0.2", "-o", "/dev/null", "-w", "%{http_code}", base + "/")
    }

    @Test("When the pool is full, the connection that was idle longest makes room")
    func idleConnectionMakesRoom() async throws {
        try await withServer(limits: smallPool(), { _ in .empty }) { base, server in
            let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
            var idle: [RawConnection] = []
            for _ in 0..<40 {
                idle += try await connect(1, port: server.boundPort, request)
                let answer = try await OwnThread.run { [last = idle[idle.count - 1]] in
                    last.read(until: "\r\n\r\n")
                }
                #expect(answer.hasPrefix("HTTP/1.1 204 "))
                // The server counts in milliseconds.
                let now = Clocks.monotonicMilliseconds()
                try await eventually("time passes") { Clocks.monotonicMilliseconds() > now + 1 }
            }
            #expect(closed(idle) == 0)
            #expect(try await askFromElsewhere(base) == "204")
            try await eventually("the first one is closed") { idle[0].isClosed }
            #expect(closed(idle) == 1)
            #expect(try await client.request("GET", base + "/").status == 204)
        }
    }

    @Test("When every connection has a request, the one who holds most gives a stream")
    func streamMakesRoom() async throws {
        let handled = Mutex(0)
        try await withServer(
            limits: smallPool(),
            { request in
                guard request.path == "/events" else { return .empty }
                handled.withLock { $0 += 1 }
                return HTTPResponse(
                    body: .stream(
                        TestSource { number in
                            if number == 0 { return [0x2E] }
                            try? await eventually("the server stops") { Task.isCancelled }
                            return nil
                        }))
            }
        ) { base, server in
            let followers = try await connect(
                40, port: server.boundPort, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
            try await eventually("all follow") { handled.withLock(\.self) == 40 }
            #expect(try await askFromElsewhere(base) == "204")
            try await eventually("one stream is cut") { drained(followers) == 1 }
            // The address that holds most has only its own idle ones to take from.
            let more = try await connect(5, port: server.boundPort, "")
            try await eventually("all but the last are closed") { closed(more) == 4 }
            #expect(drained(followers) == 1)
        }
    }

    @Test("A request that is handled keeps its connection, however many others there are")
    func handledRequestIsKept() async throws {
        let gate = Mutex(false)
        let handled = Mutex(0)
        try await withServer(
            limits: smallPool(),
            { request in
                guard request.path == "/slow" else { return .empty }
                handled.withLock { $0 += 1 }
                try? await eventually("all are handled") { gate.withLock(\.self) }
                return .text("done")
            }
        ) { base, server in
            let slow = try await connect(
                40, port: server.boundPort, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            try await eventually("all are handled") { handled.withLock(\.self) == 40 }
            for _ in 0..<4 { #expect(try await askFromElsewhere(base) == "204") }
            gate.withLock { $0 = true }
            let answers = try await OwnThread.run { slow.map { $0.read(until: "done") } }
            #expect(answers.allSatisfy { $0.hasPrefix("HTTP/1.1 200 ") })
        }
    }

    @Test("Connections whose requests end at once do not stay beyond their share")
    func idleAtOnce() async throws {
        var limits = smallPool()
        limits.waitingOfPeer = 10
        let gate = Mutex(false)
        let handled = Mutex(0)
        try await withServer(
            limits: limits,
            { _ in
                handled.withLock { $0 += 1 }
                try? await eventually("all are handled") { gate.withLock(\.self) }
                return .empty
            }
        ) { _, server in
            var all: [RawConnection] = []
            for count in 1...40 {
                all += try await connect(
                    1, port: server.boundPort, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                try await eventually("it is handled") { handled.withLock(\.self) == count }
            }
            gate.withLock { $0 = true }
            try await eventually("ten are left") { drained(all) == 30 }
        }
    }

    @Test("A header that trickles is cut off, although it never rests")
    func cutsOffTricklingHeaders() async throws {
        var limits = HTTPServerLimits()
        limits.headerSeconds = 1
        try await withServer(limits: limits, { _ in .empty }) { base, server in
            let slow = try await connect(30, port: server.boundPort, "GET / HTTP/1.1\r\nX: ")
            try await eventually("they are cut off", everyMilliseconds: 100) {
                for connection in slow { connection.send("x") }
                return closed(slow) == slow.count
            }
            #expect(try await client.request("GET", base + "/").status == 204)
        }
    }

    @Test("The bodies of one address leave room for those of another")
    func sharesBodiesBetweenPeers() async throws {
        var limits = HTTPServerLimits()
        limits.allBodiesBytes = 1500
        limits.bodiesOfPeerBytes = 1000
        try await withServer(limits: limits, { _ in .empty }) { base, server in
            var held: [RawConnection] = []
            var probes = 0
            try await eventually("one body is held") {
                // A probe may have taken the room when the body came: then another one follows.
                if probes.isMultiple(of: 20) {
                    held += try await connect(
                        1, port: server.boundPort,
                        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 901\r\n\r\n"
                            + String(repeating: "x", count: 900))
                }
                probes += 1
                let body = [UInt8](repeating: 1, count: 200)
                return try await client.request("POST", base + "/", body: body).status == 503
            }
            let other = try await curl(
                "--interface", "127.0.0.2", "-o", "/dev/null", "-w", "%{http_code}",
                "--data-binary", "@-", base, stdin: [UInt8](repeating: 1, count: 400))
            #expect(other == "204")
            #expect(closed(held) == 0)
        }
    }

    @Test("Readers that do not read delay no other")
    func readersThatDoNotRead() async throws {
        let large = pattern(4 << 20)
        try await withServer({ request in
            request.path == "/large" ? HTTPResponse(body: .bytes(large)) : .empty
        }) { base, server in
            let deaf = try await connect(
                100, port: server.boundPort, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
            for _ in 0..<20 {
                #expect(try await client.request("GET", base + "/").status == 204)
            }
            #expect(closed(deaf) == 0)
        }
    }
}
