import AMQPKit
import Support
import TestSupport
import Testing

/// Sessions with a real RabbitMQ.
@Suite(.timeLimit(.minutes(3))) struct SessionTests {
    @Test("A message comes back as it was published, is confirmed, and is gone once acknowledged")
    func roundTrip() async throws {
        let sessions = try await Sessions()
        let session = try await sessions.open()
        var next = session.deliveries.makeAsyncIterator()
        try await session.publish(sessions.message("äöü", id: "m-1", correlation: "c-1"))
        let delivery = try #require(try await next.next())
        #expect(delivery.text == "äöü" && delivery.bodyBytes == 6)
        #expect(delivery.messageID == "m-1" && delivery.correlationID == "c-1")
        #expect(delivery.replyTo == nil && !delivery.isRedelivered)
        session.acknowledge(delivery.tag)
        await session.close()
        #expect(try await next.next() == nil)
        let other = try await sessions.open()
        try await other.publish(sessions.message("second"))
        var later = other.deliveries.makeAsyncIterator()
        #expect(try await later.next()?.text == "second")
        await other.close()
        #expect(
            try await failure { try await other.publish(sessions.message("x")) }.code == .closed)
    }

    @Test(
        "What the server refuses is told apart, and named",
        arguments: [
            ("password", AMQPErrorCode.loginRefused, "refuses the user aibuild or its password"),
            ("vhost", .vhostRefused, "does not let the user aibuild into the virtual host none"),
            ("queue", .missing, "Cannot use the queue none of the virtual host t"),
            ("exchange", .missing, "Cannot use the exchange none of the virtual host t"),
            ("port", .unreachable, "Cannot connect to RabbitMQ at 127.0.0.1:1"),
            ("tls", .unreachable, "Check that the port is not one for TLS"),
        ])
    func refusals(what: String, code: AMQPErrorCode, words: String) async throws {
        let sessions = try await Sessions()
        let error = try await failure {
            switch what {
            case "password": _ = try await sessions.open(sessions.endpoint(password: "wrong"))
            case "vhost": _ = try await sessions.open(sessions.endpoint(vhost: "none"))
            case "queue": _ = try await sessions.open(queue: "none")
            case "exchange": _ = try await sessions.open(exchanges: ["fan", "none"])
            case "port": _ = try await sessions.open(port: 1)
            default: _ = try await sessions.open(port: sessions.server.tlsPort)
            }
        }
        #expect(error.code == code && error.description.contains(words), "\(error)")
        #expect(!error.description.contains(RabbitMQServer.password))
        #expect(!error.description.contains("wrong"))
    }

    @Test("No more messages are delivered than the prefetch allows")
    func prefetch() async throws {
        let sessions = try await Sessions()
        let session = try await sessions.open(prefetch: 2)
        for number in 1...4 { try await session.publish(sessions.message("\(number)")) }
        var next = session.deliveries.makeAsyncIterator()
        let first = try #require(try await next.next())
        #expect(try await next.next()?.text == "2")
        // The other consumer gets what this one may not have.
        let other = try await sessions.open(prefetch: 1)
        var others = other.deliveries.makeAsyncIterator()
        #expect(try await others.next()?.text == "3")
        session.acknowledge(first.tag)
        #expect(try await next.next()?.text == "4")
        await other.close()
        await session.close()
    }

    @Test("A rejected message is in the dead-letter queue")
    func reject() async throws {
        let sessions = try await Sessions()
        let session = try await sessions.open()
        try await session.publish(sessions.message("bad"))
        var next = session.deliveries.makeAsyncIterator()
        session.reject(try #require(try await next.next()).tag)
        let dead = try await sessions.open(queue: "refused")
        var refused = dead.deliveries.makeAsyncIterator()
        #expect(try await refused.next()?.text == "bad")
        await dead.close()
        await session.close()
    }

    @Test("A message that no queue takes, or a full one, is not confirmed")
    func unconfirmed() async throws {
        let sessions = try await Sessions()
        let session = try await sessions.open(exchanges: ["topic", "fan"])
        let lost = try await failure {
            try await session.publish(sessions.message("x", to: "k", exchange: "topic"))
        }
        #expect(lost.code == .unroutable, "\(lost)")
        #expect(lost.description.contains("no queue for a message to the exchange topic with the"))
        try await session.publish(sessions.message("1", to: "full"))
        let full = try await failure {
            try await session.publish(sessions.message("2", to: "full"))
        }
        #expect(full.code == .unconfirmed, "\(full)")
        try await session.publish(sessions.message("3", to: "", exchange: "fan"))
        await session.close()
    }

    @Test("A publication that the account may not make fails alone; consuming goes on")
    func forbidden() async throws {
        let sessions = try await Sessions()
        let limited = sessions.endpoint(user: RabbitMQServer.limitedUser)
        let session = try await sessions.open(limited, exchanges: ["fan"])
        let error = try await failure { try await session.publish(sessions.message("x")) }
        #expect(error.code == .accessRefused, "\(error)")
        try await session.publish(sessions.message("ok", to: "", exchange: "fan"))
        let other = try await sessions.open(queue: "results")
        try await other.publish(sessions.message("still here"))
        var next = session.deliveries.makeAsyncIterator()
        #expect(try await next.next()?.text == "still here")
        await other.close()
        await session.close()
    }

    @Test("A body beyond the limit is dropped as it arrives, and the next message is whole")
    func oversized() async throws {
        let sessions = try await Sessions()
        var limits = AMQPLimits()
        limits.messageBytes = 200_000
        let session = try await sessions.open(limits: limits)
        let large = String(repeating: "x", count: 400_000)
        try await session.publish(sessions.message(large))
        let fitting = String(repeating: "y", count: 200_000)
        try await session.publish(sessions.message(fitting))
        var next = session.deliveries.makeAsyncIterator()
        let first = try #require(try await next.next())
        #expect(first.body == nil && first.bodyBytes == 400_000)
        #expect(try await next.next()?.text == fitting)
        await session.close()
    }

    @Test("A lost connection ends the session, and its messages are delivered again")
    func lost() async throws {
        let sessions = try await Sessions()
        let proxy = try TCPProxy(to: sessions.server.port)
        let session = try await sessions.open(port: proxy.port)
        try await session.publish(sessions.message("precious"))
        var next = session.deliveries.makeAsyncIterator()
        #expect(try await next.next()?.isRedelivered == false)
        proxy.set(.cut)
        let error = try await failure { for try await _ in session.deliveries {} }
        #expect(error.code == .lost && !error.isPermanent, "\(error)")
        #expect(
            try await failure { try await session.publish(sessions.message("x")) }.code == .lost)
        let again = try await sessions.open()
        var later = again.deliveries.makeAsyncIterator()
        let delivery = try #require(try await later.next())
        #expect(delivery.text == "precious" && delivery.isRedelivered)
        await again.close()
    }

    @Test("A queue that is deleted ends the session")
    func deleted() async throws {
        let sessions = try await Sessions()
        let session = try await sessions.open(queue: "replies")
        _ = try await sessions.server.control("delete_queue", "-p", sessions.vhost, "replies")
        let error = try await failure { for try await _ in session.deliveries {} }
        #expect(error.code == .missing, "\(error)")
    }

    @Test(
        "A server that falls silent is noticed by its missing heartbeats, with what was published")
    func heartbeat() async throws {
        let sessions = try await Sessions()
        let proxy = try TCPProxy(to: sessions.server.port)
        var limits = AMQPLimits()
        limits.heartbeatSeconds = 1
        let session = try await sessions.open(port: proxy.port, limits: limits)
        proxy.set(.held)
        let error = try await failure { try await session.publish(sessions.message("x")) }
        #expect(error.code == .lost, "\(error)")
        #expect(error.description.contains("heartbeat"), "\(error)")
    }

    @Test("TLS: the server's certificate must be of a trusted authority, and name the host")
    func tls() async throws {
        let sessions = try await Sessions()
        let folder = sessions.server.certificates.folder
        func open(_ authority: String, _ host: String) async throws {
            let session = try await sessions.open(
                sessions.endpoint(authorities: "\(folder)/\(authority).pem"),
                port: sessions.server.tlsPort, host: host)
            var next = session.deliveries.makeAsyncIterator()
            try await session.publish(sessions.message("sealed"))
            let delivery = try #require(try await next.next())
            #expect(delivery.text == "sealed")
            session.acknowledge(delivery.tag)
            await session.close()
        }
        try await open("ca", "localhost")
        let stranger = try await failure { try await open("otherca", "localhost") }
        #expect(stranger.code == .untrusted, "\(stranger)")
        // Another spelling of 127.0.0.1, which the certificate does not name.
        let misnamed = try await failure { try await open("ca", "127.1") }
        #expect(misnamed.code == .untrusted, "\(misnamed)")
        #expect(misnamed.description.contains("does not name 127.1"), "\(misnamed)")
        let missing = try await failure { try await open("none", "localhost") }
        #expect(missing.description.contains("Cannot read the authorities in"), "\(missing)")
    }
}
