import BuildProtocol
import ProcessKit
import Support
import TestSupport
import Testing

/// Hosts behind a proxy, and mirrors with an authority of their own.
@Suite(.timeLimit(.minutes(3))) struct ProxyTests {
    private let file = Array("an image".utf8)
    private var digest: String { SHA256.hex(file) }

    @Test("Without settings, the proxy of the agent's own environment serves fetches and builds")
    func ownEnvironment() async throws {
        let proxy = try MirrorServer(file) { _, _ in .file }
        let address = "http://localhost:\(proxy.port)"
        let agent = try TestAgent(variables: ["http_proxy": address, "no_proxy": "x.y"])
        try await agent.serve {
            let client = try await agent.connect()
            let url = "http://mirror.invalid/a.qcow2"
            let built = try await client.build(
                agent.start(
                    try await agent.deliver(script: "echo $http_proxy $NO_PROXY"),
                    baseImage: BaseImage(url: url, sha256: digest)))
            #expect(built.fault == nil, "\(built.log)")
            #expect(proxy.requests.map(\.path) == [url])
            #expect(built.texts.contains("\(address) localhost,127.0.0.1,::1,x.y"))

            var tar = TarFile()
            tar.add(
                "t.json",
                """
                {"builders": [{"type": "null", "communicator": "none"}], "provisioners": [
                  {"type": "shell-local", "inline": ["echo by $http_proxy without $no_proxy"]}]}
                """)
            let packed = try await client.build(
                agent.start(try await agent.deliver(tar.archive), .packer(template: "t.json")))
            #expect(
                packed.log.contains("by \(address) without localhost,127.0.0.1,::1,x.y"),
                "\(packed.log)")
        }
    }

    // MARK: Authorities

    private static let server = """
        import http.server, ssl, sys
        port, folder = int(sys.argv[1]), sys.argv[2]
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "8")
                self.end_headers()
                self.wfile.write(b"an image")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/server.pem", folder + "/server-key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print("serves", flush=True)
        server.serve_forever()
        """

    @Test("A mirror with an authority of its own is trusted by ca_file, and by nothing else")
    func ownAuthority() async throws {
        let temporary = try TemporaryFolder()
        try Files.makeFolder(temporary.path + "/server")
        let certificates = try await TestCertificates(in: temporary.path + "/tls")
        let port = try LoopbackPort.free()
        let server = try ServerProcess(
            folder: temporary.path + "/server",
            ["/usr/bin/python3", "-c", Self.server, String(port), certificates.folder])
        try await eventually("the mirror serves: \(server.log)") { server.log.contains("serves") }
        // Where every user may read it.
        let authority = "/etc/ssl/aibuild-test-\(port).pem"
        try Files.replace(
            authority, with: try Files.read(certificates.folder + "/ca.pem", limitBytes: 1 << 20),
            mode: 0o644)
        defer { try? Files.remove(authority) }
        let image = BaseImage(url: "https://localhost:\(port)/a.img", sha256: digest)
        let script =
            "sha256sum <\"$AIBUILD_BASE_IMAGE\"; cmp $SSL_CERT_FILE \(authority) && echo trusted"

        try await withAgent(TestAgent.withMirror) { agent, client in
            let fault = try await client.build(
                agent.start(try await agent.deliver(script: script), baseImage: image)
            ).fault
            #expect(fault?.class == .infrastructure && fault?.code == .baseImageFetch)
            #expect(fault?.reason.contains("certificate") == true, "\(fault?.reason ?? "")")
        }
        try await withAgent(TestAgent.withMirror + "ca_file: \(authority)\n") { agent, client in
            let built = try await client.build(
                agent.start(try await agent.deliver(script: script), baseImage: image))
            #expect(built.fault == nil, "\(built.log)")
            #expect(built.texts.contains { $0.hasPrefix(digest) })
            #expect(built.texts.contains("trusted"), "\(built.log)")
        }
    }
}
