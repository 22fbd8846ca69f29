"""A Keystone and a Glance as far as a release goes, with what the real ones of the tests cannot be
made to do: releases before Rocky, clouds that only import, proxies in front, other addresses.
After the API references of the Identity service v3 and the Image service v2.

usage: fake-cloud.py PORT-FILE SETTINGS, where SETTINGS are those of `FakeCloud.Settings` as JSON
"""
import hashlib, http.server, json, sys, threading, time, urllib.request, uuid
from urllib.parse import parse_qs, urlsplit

import fake_server

port_file, settings = sys.argv[1], json.loads(sys.argv[2])
lock = threading.RLock()
images, tokens = {}, {"given-token": time.time() + 3600, "unscoped-token": time.time() + 3600}
own = {"id", "name", "status", "visibility", "disk_format", "container_format", "min_disk",
       "min_ram", "protected", "os_hidden", "tags"}


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(seconds))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_expect_100(self):
        return True if settings["refusesExpect"] else super().handle_expect_100()

    def answer(self, status, body=None, headers={}, kind="application/json"):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if kind == "application/json":
            self.send_header("x-openstack-request-id", "req-fake")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def proxy(self, status, title):
        self.close_connection = True
        page = f"<html><head><title>{status} {title}</title></head><hr>nginx</html>"
        self.answer(status, page.encode(), {"Connection": "close"}, "text/html")

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self):
        url = urlsplit(self.path)
        print(">", self.command, self.path, flush=True)
        for start, target in settings["redirects"].items():
            if url.path.startswith(start):
                self.body()
                place = target.replace("PORT", str(self.server.server_port))
                return self.answer(302, None, {"Location": place + self.path[len(start):]})
        if url.path.startswith("/identity"):
            return self.keystone(url.path[len("/identity"):].rstrip("/"))
        if url.path.startswith(settings["glancePath"]):
            with lock:
                return self.glance(url.path[len(settings["glancePath"]):], parse_qs(url.query))
        self.body()
        self.answer(404, b"nothing here", kind="text/plain")

    # Keystone

    def keystone(self, path):
        raw = self.body()
        version = {"id": "v3.14", "status": "stable", "links": [
            {"rel": "self", "href": "http://inside:5000/identity/v3/"}]}
        if path == "":
            return self.answer(300, {"versions": {"values": [version]}})
        if path == "/v3":
            return self.answer(200, {"version": version})
        if path == "/v3/auth/projects":
            return self.answer(200, {"projects": [{"id": "pid", "name": "images"}]})
        if path != "/v3/auth/tokens":
            return self.answer(404, {"error": {"message": "not found", "code": 404}})
        if self.command == "GET":
            secret = self.headers["X-Subject-Token"]
            if tokens.get(secret, 0) < time.time() or self.headers["X-Auth-Token"] != secret:
                return self.answer(401, {"error": {"message": "token", "code": 401}})
            return self.token(200, secret, secret != "unscoped-token")
        auth = json.loads(raw)["auth"]
        identity, scope = auth["identity"], auth.get("scope")
        method = identity["methods"][0]
        given = identity[method]
        if method == "application_credential":
            if scope:
                return self.answer(401, {"error": {"message": "cannot request a scope"}})
            good = given == {"id": "credential-id", "secret": "credential-secret"}
        elif method == "token":
            good = given == {"id": "unscoped-token"}
        else:
            user = given["user"]
            good = user["name"] == "releaser" and user["password"] == "correct" and user[
                "domain"] in ({"name": "Default"}, {"id": "default"})
        project = (scope or {}).get("project", {})
        if scope and project not in ({"id": "pid"}, {"name": "images", "domain": {"name": "Default"}},
                                     {"name": "images", "domain": {"id": "default"}}):
            good = False
        if not good:
            return self.answer(401, {"error": {"message": "wrong", "code": 401}})
        secret = uuid.uuid4().hex
        tokens[secret] = time.time() + settings["tokenSeconds"]
        self.token(201, secret, bool(scope) or method == "application_credential")

    def token(self, status, secret, is_scoped):
        token = {"issued_at": stamp(time.time()), "expires_at": stamp(tokens[secret])}
        if is_scoped:
            base = f"http://127.0.0.1:{self.server.server_port}"
            token["project"] = {"id": "pid", "name": "images"}
            token["roles"] = [{"name": "member"}]
            token["catalog"] = [
                {"type": "image", "name": name, "endpoints": [
                    {"interface": "public", "region": "R", "url": base + path}]}
                for name, path in settings["imageServices"].items()]
        headers = {"X-Subject-Token": secret} if status == 201 else {}
        self.answer(status, {"token": token}, headers)

    # Glance

    def glance(self, path, query):
        link = settings.get("linkPath") or settings["glancePath"] + "/v2/"
        if path in ("", "/", "/versions"):
            self.body()
            links = {"links": [{"rel": "self", "href": "http://inside:9292" + link}]}
            version = {"id": "v2.9", "status": "CURRENT"}
            if settings["linksVersions"]:
                version.update(links)
            return self.answer(300, {"versions": [version]})
        if not path.startswith("/v2/"):
            self.body()
            return self.answer(404, b"<html><title>404 Not Found</title></html>", kind="text/html")
        if tokens.get(self.headers["X-Auth-Token"], 0) < time.time():
            self.body()
            return self.answer(401)
        parts = path[len("/v2/"):].split("/")
        if parts[0] == "schemas":
            return self.answer(200, {})
        if parts == ["info", "import"] and settings["imports"]:
            return self.answer(200, {"import-methods": {"value": settings["imports"]}})
        if parts[0] != "images":
            self.body()
            return self.answer(404)
        if len(parts) == 1:
            return self.create() if self.command == "POST" else self.list(query)
        image = images.get(parts[1])
        if image is None:
            self.body()
            return self.answer(404)
        self.on_image(image, parts[2:])

    def shown(self, image):
        if image.get("_until", 0) > time.time():
            return {**self.fields(image), "status": image["_meanwhile"],
                    "size": settings.get("unfinishedSize"),
                    "checksum": None, "os_hash_value": None}
        return self.fields(image)

    def fields(self, image):
        hidden = () if settings["isRocky"] else ("os_hash_algo", "os_hash_value", "os_hidden")
        return {k: v for k, v in image.items() if not k.startswith("_") and k not in hidden}

    def create(self):
        values = json.loads(self.body())
        if not settings["isRocky"] and "os_hidden" in values:
            page = b"<html><title>400 Bad Request</title>True is not of type 'string'</html>"
            return self.answer(400, page, kind="text/html")
        image = {"os_hidden": False, "owner": "pid", "size": None, "checksum": None,
                 "os_hash_algo": None, "os_hash_value": None, "tags": [], "protected": False,
                 **values, "id": str(uuid.uuid4()), "status": "queued",
                 "created_at": stamp(time.time()), "updated_at": stamp(time.time())}
        images[image["id"]] = image
        self.answer(201, self.shown(image))

    def list(self, query):
        wanted = {k: v[0] for k, v in query.items() if k not in ("limit", "sort", "marker")}
        hidden = wanted.pop("os_hidden", "false") if settings["isRocky"] else "false"
        found = [i for i in images.values()
                 if str(i["os_hidden"]).lower() == hidden
                 and all(str(i.get(k)) == v for k, v in wanted.items())]
        self.answer(200, {"images": [self.shown(i) for i in reversed(found)]})

    def on_image(self, image, rest):
        if rest in (["file"], ["stage"]) and self.command == "PUT":
            return self.take(image, rest[0])
        raw = self.body()
        if rest == ["import"]:
            return self.bring(image, json.loads(raw)["method"])
        if rest == ["tasks"]:
            return self.answer(200, {"tasks": [{"message": image.get("_message")}]})
        if rest == ["members"]:
            return self.answer(200, {"members": []})
        if rest:
            return self.answer(404)
        if self.command == "PATCH":
            for change in json.loads(raw):
                key = change["path"].lstrip("/")
                if change["op"] == "replace" and key not in self.fields(image):
                    return self.answer(409, {"error": {"message": f"no property {key}"}})
                if change["op"] == "remove":
                    image.pop(key, None)
                else:
                    image[key] = change["value"]
        if self.command == "DELETE":
            del images[image["id"]]
            return self.answer(204)
        self.answer(200, self.shown(image))

    def take(self, image, place):
        if settings.get("bodyLimit") is not None:
            if int(self.headers.get("Content-Length") or 1 << 60) > settings.get("bodyLimit"):
                return self.proxy(413, "Request Entity Too Large")
        if self.headers.get("Transfer-Encoding"):
            return self.proxy(411, "Length Required")
        if settings["refusesExpect"] and self.headers.get("Expect"):
            return self.proxy(417, "Expectation Failed")
        if place == "file" and settings["forbidsUpload"]:
            self.body()
            page = b"<html><title>403 Forbidden</title>upload_image is disallowed by policy</html>"
            return self.answer(403, page, kind="text/html")
        data = self.body()
        if place == "stage":
            image.update(_staged=data, status="uploading")
        else:
            self.store(image, data, "queued")
        self.answer(204)

    def bring(self, image, method):
        if method["name"] not in settings["imports"]:
            return self.answer(400, {"error": {"message": "unknown import method"}})
        if settings.get("importFault"):
            image.update(status="queued", _message=settings.get("importFault"),
                         os_glance_failed_import="default")
            return self.answer(202)
        if method["name"] == "web-download":
            with urllib.request.urlopen(method["uri"]) as source:
                data = source.read()
        else:
            data = image.pop("_staged")
        self.store(image, data, "importing")
        self.answer(202)

    def store(self, image, data, meanwhile):
        if settings["converts"] and image["disk_format"] == "qcow2":
            image["disk_format"] = "raw"
            data = bytes(1 << 20)
        image.update(
            size=len(data), checksum=hashlib.md5(data).hexdigest(), os_hash_algo="sha512",
            os_hash_value=hashlib.sha512(data).hexdigest(), status="active", _meanwhile=meanwhile,
            _until=time.time() + settings["delaySeconds"])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


fake_server.serve(Handler, port_file)
