import TestSupport

/// A registry with addresses and answers that docker-registry does not have: uploads at relative,
/// differently written or unencrypted locations, and blobs in a storage of their own.
final class OddRegistry: Sendable {
    enum Location: String, CaseIterable {
        /// `../uploads/one`, relative to the request.
        case relative
        /// `/v2/…`, with segments to remove.
        case dotted
        /// `http://127.0.0.1/…`, as a registry writes it that does not know of its proxy's TLS.
        case unencrypted
        /// `HTTP://LOCALHOST:…` or `HTTPS://LOCALHOST:…`.
        case upperCase
        /// On another host, unencrypted.
        case elsewhere
    }

    let url: String
    private let server: ScriptedRegistry

    /// - Parameter certificates: it uses TLS.
    init(_ location: Location, certificates: TestCertificates? = nil) async throws {
        server = try await ScriptedRegistry(
            Self.script, [location.rawValue, certificates?.folder ?? ""])
        url = "\(certificates == nil ? "http" : "https")://localhost:\(server.port)"
    }

    /// "PATCH robot": the requests, and whether the login came along.
    var calls: [String] { server.calls }

    private static let script = #"""
        import hashlib, http.server, socketserver, ssl, sys
        port, location, tls = int(sys.argv[1]), sys.argv[2], sys.argv[3]
        scheme = "https" if tls else "http"
        upload, blobs = bytearray(), {}
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def answer(self, status, headers={}, body=b""):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(body)
            def place(self, name):
                path = f"/v2/x/blobs/uploads/{name}"
                return {
                    "relative": name if self.path.endswith("/") else f"../uploads/{name}",
                    "dotted": f"/v2/./y/../x/blobs/uploads/{name}",
                    "unencrypted": f"http://localhost{path}",
                    "upperCase": f"{scheme.upper()}://LOCALHOST:{port}{path}",
                    "elsewhere": f"http://storage.invalid{path}"}[location]
            def handle_any(self):
                user = "robot" if self.headers.get("Authorization") else "nobody"
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                print(">", self.command, path, user, flush=True)
                if path == "/storage/manifest": return self.answer(200, {}, b"{}")
                if user == "nobody":
                    return self.answer(401, {"WWW-Authenticate": "Basic realm=x"})
                if path == "/v2/x/manifests/moved":
                    other = f"{scheme}://127.0.0.1:{port}"
                    return self.answer(307, {"Location": f"{other}/storage/manifest"})
                if path == "/v2/old/blobs/sha256:1":
                    return self.answer(301, {"Location": f"https://elsewhere.invalid{path}"})
                if self.command == "HEAD":
                    digest = path.split("/")[-1]
                    if digest not in blobs: return self.answer(404)
                    return self.answer(307, {"Location": "https://storage.invalid/b?signature=s"})
                if path == "/v2/x/blobs/uploads/":
                    upload.clear()
                    return self.answer(202, {"Location": self.place("one")})
                if path == "/v2/x/blobs/uploads/one" and self.command == "PATCH":
                    upload.extend(raw)
                    headers = {"Location": self.place("one"), "Range": f"0-{len(upload)-1}"}
                    return self.answer(202, headers)
                if path == "/v2/x/blobs/uploads/one" and self.command == "PUT":
                    digest = "sha256:" + hashlib.sha256(upload).hexdigest()
                    blobs[digest] = True
                    return self.answer(201, {"Docker-Content-Digest": digest})
                self.answer(404)
            do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
        server = Server(("127.0.0.1", port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{tls}/server.pem", f"{tls}/server-key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        print("serves", flush=True)
        server.serve_forever()
        """#
}
