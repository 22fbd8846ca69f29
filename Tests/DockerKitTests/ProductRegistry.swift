import TestSupport

/// A registry with the refusals of a product, after its documentation and issues.
final class ProductRegistry: Sendable {
    enum Product: String {
        /// Tokens from `/jwt/auth` of GitLab itself. Whatever is not allowed is 401 with
        /// `insufficient_scope`, also with a token.
        case gitLab
        /// Tokens from `/service/token`. Projects are made before the first push; rules make tags
        /// immutable.
        case harbor
        /// Basic logins. Groups take no push, and a policy may forbid to replace a tag.
        case nexus
    }

    let url: String
    private let server: ScriptedRegistry

    init(_ product: Product) async throws {
        server = try await ScriptedRegistry(Self.script, [product.rawValue])
        url = "http://127.0.0.1:\(server.port)"
    }

    /// "PUT /v2/x/manifests/latest", "token robot$ci repository:x:pull"
    var calls: [String] { server.calls }

    private static let script = #"""
        import base64, hashlib, http.server, json, socketserver, sys, urllib.parse
        port, product = int(sys.argv[1]), sys.argv[2]
        base, upload, blobs, manifests = f"http://127.0.0.1:{port}", bytearray(), set(), {}
        service = {"gitLab": "/jwt/auth", "harbor": "/service/token", "nexus": None}[product]
        users = {"gitLab": "deploy:secret", "harbor": "robot$ci:secret", "nexus": "ci:secret"}
        def errors(code, message, detail=None):
            error = {"code": code, "message": message, "detail": detail}
            return json.dumps({"errors": [error]}).encode()
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *words): pass
            def answer(self, status, headers={}, body=b"", reason=None):
                self.send_response(status, reason)
                for name, value in headers.items(): self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD": self.wfile.write(body)
            def login(self):
                scheme, _, word = self.headers.get("Authorization", "").partition(" ")
                return scheme, base64.b64decode(word).decode() if scheme == "Basic" else word
            def challenge(self, scope, error=""):
                if not service:
                    realm = 'BASIC realm="Sonatype Nexus Repository Manager"'
                    return self.answer(401, {"WWW-Authenticate": realm})
                realm = f'Bearer realm="{base}{service}",service="container_registry"'
                self.answer(
                    401, {"WWW-Authenticate": f'{realm},scope="{scope}"{error}'},
                    errors("UNAUTHORIZED", "authentication required"))
            def handle_any(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urllib.parse.urlparse(self.path)
                query = urllib.parse.parse_qs(url.query)
                scheme, word = self.login()
                if service and url.path == service:
                    print("> token", word.split(":")[0], query["scope"][0], flush=True)
                    if word != users[product]:
                        return self.answer(403, {}, errors("DENIED", "access forbidden"))
                    return self.answer(200, {}, b'{"token":"t"}')
                print(">", self.command, url.path, flush=True)
                name, _, rest = url.path[4:].partition(
                    "/manifests/" if "/manifests/" in url.path else "/blobs/")
                action = "pull" if self.command in ("GET", "HEAD") else "pull,push"
                scope = f"repository:{name}:{action}"
                if (scheme, word) not in (("Bearer", "t"), ("Basic", users[product])):
                    return self.challenge(scope)
                if product == "gitLab" and (name.count("/") > 3 or "secret" in name):
                    return self.challenge(scope, ',error="insufficient_scope"')
                pushes = self.command in ("POST", "PATCH", "PUT")
                if product == "harbor" and pushes and not name.startswith("images/"):
                    project = name.split("/")[0]
                    return self.answer(
                        404, {}, errors("NOT_FOUND", f"project {project} not found"))
                if product == "nexus" and pushes and name.startswith("group"):
                    return self.answer(405, reason="Method Not Allowed")
                if "/manifests/" in url.path:
                    if self.command == "PUT":
                        known = manifests.get(rest, raw) != raw
                        if product == "harbor" and known:
                            return self.answer(412, {}, errors(
                                "PRECONDITION", "Failed to process request due to "
                                f"'{name}:{rest}' configured as immutable."))
                        if product == "nexus" and known:
                            why = "Repository does not allow updating assets: docker-hosted"
                            return self.answer(400, {}, errors("UNKNOWN", "unknown error", why))
                        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
                        manifests[rest] = manifests[digest] = raw
                        return self.answer(201, {"Docker-Content-Digest": digest})
                    if rest in manifests: return self.answer(200, {}, manifests[rest])
                    return self.answer(404, {}, errors("MANIFEST_UNKNOWN", "manifest unknown"))
                if self.command == "HEAD": return self.answer(200 if rest in blobs else 404)
                if self.command == "DELETE": return self.answer(405)
                place = {"Location": f"/v2/{name}/blobs/uploads/one?_state=s"}
                if self.command == "POST":
                    upload.clear()
                    return self.answer(202, place)
                upload.extend(raw)
                if self.command == "PATCH": return self.answer(202, place)
                digest = "sha256:" + hashlib.sha256(upload).hexdigest()
                blobs.add(digest)
                self.answer(201, {"Docker-Content-Digest": digest})
            do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer): daemon_threads = True
        server = Server(("127.0.0.1", port), Handler)
        print("serves", flush=True)
        server.serve_forever()
        """#
}
