/// A registry with features that Debian's docker-registry lacks: it issues Bearer tokens, which
/// expire after a few requests, and keeps the part of an upload that arrived before a
/// disconnection.
final class TokenRegistry: Sendable {
    var port: UInt16 { server.port }
    private let server: ScriptedRegistry

    init() async throws { server = try await ScriptedRegistry(Self.script) }

    /// "PATCH 0", "PUT 400000", "token robot": the requests, with the bytes of the upload received
    /// before.
    var calls: [String] { server.calls }

    private static let script = #"""
        import base64, hashlib, http.server, socketserver, sys, urllib.parse
        upload, blobs, left = bytearray(), set(), {}
        port = int(sys.argv[1])
        def say(*words): print(">", *words, flush=True)
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def answer(self, status, headers={}, body=b""):
                self.send_response(status)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def allowed(self):
                token = self.headers.get("Authorization", "")
                if left.get(token, 0) > 0:
                    left[token] -= 1
                    return True
                realm = f'Bearer realm="http://127.0.0.1:{port}/token",service="test"'
                self.close_connection = True
                self.answer(401, {"WWW-Authenticate": realm})
                return False
            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                if url.path == "/token":
                    user = base64.b64decode(self.headers.get("Authorization", "")[6:]).decode()
                    say("token", user.split(":")[0], urllib.parse.parse_qs(url.query)["scope"][0])
                    if user not in ("robot:secret", "puller:secret"): return self.answer(403)
                    token = f"{user[0]}{len(left)}"
                    left["Bearer " + token] = 4
                    return self.answer(200, body=('{"token":"%s"}' % token).encode())
                if self.allowed():
                    say("GET", len(upload))
                    last = max(0, len(upload) - 1)
                    self.answer(204, {"Location": url.path, "Range": f"0-{last}"})
            def do_HEAD(self):
                if self.allowed():
                    self.answer(200 if self.path.split("/")[-1] in blobs else 404)
            def do_DELETE(self):
                if self.allowed():
                    say("DELETE", len(upload))
                    self.answer(204)
            def do_POST(self):
                if self.headers.get("Authorization", "").startswith("Bearer p"):
                    return self.answer(403, body=b'{"errors":[{"code":"DENIED"}]}')
                if self.allowed():
                    upload.clear()
                    self.answer(202, {"Location": "/v2/x/blobs/uploads/one"})
            def do_PATCH(self):
                if not self.allowed(): return
                say("PATCH", len(upload))
                wanted = self.headers.get("Content-Range")
                if wanted and int(wanted.split("-")[0]) != len(upload): return self.answer(416)
                rest = int(self.headers["Content-Length"])
                try:
                    while rest and (piece := self.rfile.read1(min(rest, 65536))):
                        upload.extend(piece)
                        rest -= len(piece)
                except OSError: pass
                if not rest: self.answer(202, {"Location": "/v2/x/blobs/uploads/one"})
            def do_PUT(self):
                if not self.allowed(): return
                say("PUT", len(upload))
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                digest = "sha256:" + hashlib.sha256(upload).hexdigest()
                if query["digest"][0] != digest: return self.answer(400)
                blobs.add(digest)
                self.answer(201, {"Docker-Content-Digest": digest})
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
        server = Server(("127.0.0.1", port), Handler)
        print("serves", flush=True)
        server.serve_forever()
        """#
}
