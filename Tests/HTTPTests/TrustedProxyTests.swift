import HTTPServerKit
import HTTPTypes
import Support
import TestSupport
import Testing

@Suite("Trusted proxies", .timeLimit(.minutes(2))) struct TrustedProxyTests {
    @Test(
        "An address is in the networks that contain it, however it is written",
        arguments: [
            ("10.20.0.0/16", "10.20.255.1", true), ("10.20.0.0/16", "10.21.0.1", false),
            ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
            ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("10.1.2.3", "::ffff:10.1.2.3", true), ("::ffff:a01:203", "10.1.2.3", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", true), ("::1", "0:0:0:0:0:0:0:1", true),
            ("::/0", "::", true), ("fe80::/10", "fe80::1%eth0", false), ("1::", "1::0", true),
        ])
    func networks(network: String, address: String, isInside: Bool) {
        #expect(IPNetwork(network) != nil)
        #expect(
            TrustedProxies([IPNetwork(network)].compactMap(\.self)).contains(address) == isInside)
    }

    @Test(
        "What is no address or network is refused",
        arguments: [
            "", "proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "1.2.3.4/", "2001:db8::1/32",
            "::/129", "::/+1", ":", ":::", "1::2::3", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
            "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "::12345", "::+1", "::-0", "::g", "::1.2.3",
            "::1.2.3.4/32", "1.2.3.4::", "[::1]", "::1 ", "1:2:3:4:5:6:7:8::",
        ])
    func nonsense(text: String) { #expect(IPNetwork(text) == nil) }

    private static let proxies = TrustedProxies(
        ["10.0.0.0/8", "2001:db8::/64"].compactMap { IPNetwork($0) })

    private func resolved(_ peer: String, _ headers: HTTPHeaders) throws -> HTTPRequest {
        var request = try HTTPRequest(
            method: "GET", target: "/", headers: headers, remoteAddress: peer)
        Self.proxies.resolve(&request)
        return request
    }

    @Test(
        "The last address that is no trusted proxy's sent the request",
        arguments: [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            // Whatever a client claims stands before it.
            ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "junk,203.0.113.9 ,\t10.7.7.7", "203.0.113.9"),
            ("2001:db8::7", "2001:db8:1::2", "2001:db8:1::2"),
            // Requests of the proxies themselves.
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"), ("10.0.0.1", nil, "10.0.0.1"),
            // Not what a proxy appends: the last known one counts.
            ("10.0.0.1", "", "10.0.0.1"), ("10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9:4711", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9, , 10.0.0.2", "10.0.0.2"),
            // Nobody else is believed.
            ("203.0.113.1", "127.0.0.1", "203.0.113.1"), ("", "127.0.0.1", ""),
        ] as [(String, String?, String)])
    func chains(peer: String, chain: String?, sender: String) throws {
        let headers: HTTPHeaders = chain.map { ["X-Forwarded-For": $0] } ?? [:]
        #expect(try resolved(peer, headers).remoteAddress == sender)
    }

    @Test("Several header fields are one chain, and a long chain is cut")
    func longChains() throws {
        let two = try resolved(
            "10.0.0.1", ["X-Forwarded-For": "203.0.113.9", "x-forwarded-for": "10.0.0.2"])
        #expect(two.remoteAddress == "203.0.113.9")
        let long = "203.0.113.9" + String(repeating: ", 10.0.0.2", count: 10_000)
        let cut = try resolved("10.0.0.1", ["X-Forwarded-For": long])
        #expect(cut.remoteAddress == "10.0.0.2")
    }

    @Test("Only a trusted proxy says whether a request came by TLS, and only in one word")
    func protocols() throws {
        func isEncrypted(_ peer: String, _ headers: HTTPHeaders) throws -> Bool {
            try resolved(peer, headers).isEncrypted
        }
        #expect(try isEncrypted("10.0.0.1", ["X-Forwarded-Proto": "https"]))
        #expect(try !isEncrypted("10.0.0.1", ["X-Forwarded-Proto": "http"]))
        #expect(try !isEncrypted("203.0.113.1", ["X-Forwarded-Proto": "https"]))
        #expect(try !isEncrypted("10.0.0.1", ["X-Forwarded-Proto": "https, http"]))
        #expect(
            try !isEncrypted(
                "10.0.0.1", ["X-Forwarded-Proto": "https", "x-forwarded-proto": "http"]))
    }

    @Test("A server believes its trusted proxies, and limits none of them as one person")
    func server() async throws {
        var limits = HTTPServerLimits()
        limits.connections = 64
        limits.connectionsOfPeer = 4
        limits.waitingOfPeer = 2
        limits.spareConnections = 1
        for trusted in [["127.0.0.1"], []] {
            let server = HTTPServer(
                host: "127.0.0.1", port: 0, limits: limits,
                proxies: TrustedProxies(trusted.compactMap { IPNetwork($0) })
            ) { request in .text(request.remoteAddress) }
            try server.start()
            let said = try await curl(
                "-H", "X-Forwarded-For: 203.0.113.9", "http://127.0.0.1:\(server.boundPort)/")
            #expect(said == (trusted.isEmpty ? "127.0.0.1" : "203.0.113.9"))
            let open = try await OwnThread.run {
                let clients = try (0..<20).map { _ in try RawConnection(port: server.boundPort) }
                // The server answers on the last one, so it has seen all of them.
                return clients.reversed().filter { client in
                    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                    return client.read(until: "200 OK").contains("200 OK")
                }.count
            }
            #expect(trusted.isEmpty ? open < 10 : open == 20, "\(open)")
            await server.stop()
        }
    }
}
