"""A GitLab server as far as groups, projects and hooks of its API v4 go: paths, statuses, the forms
of its refusals, pagination, and secrets that are written and never read. In Python, because its
paths hold encoded slashes, which the project's own server refuses.

usage: fake-gitlab.py PORT-FILE TOKEN
"""
import http.server, json, sys, threading
from urllib.parse import parse_qs, unquote, urlsplit

import fake_server

port_file, token = sys.argv[1:]
lock = threading.Lock()
groups, projects, hooks, requests = {}, {}, {}, []
users, hidden, refusals = set(), set(), []  # refusals: [method, part of the path, status, body]
next_id = 100


def new_id():
    global next_id
    next_id += 1
    return next_id


def by(table, key, name):
    for row in table.values():
        if str(row["id"]) == name or row[key] == name:
            return row


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers={}):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        body = json.loads(raw) if raw else {}
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        with lock:
            if url.path == "/_control":
                return self.control(body)
            requests.append([self.command, self.path, body])
            if self.headers.get("PRIVATE-TOKEN") != token:
                return self.answer(401, {"message": "401 Unauthorized"})
            for refusal in refusals:
                if refusal[0] == self.command and refusal[1] in self.path:
                    return self.answer(refusal[2], refusal[3])
            if not url.path.startswith("/api/v4/"):
                return self.answer(404, {"error": "404 Not Found"})
            parts = [unquote(part) for part in url.path[len("/api/v4/"):].split("/")]
            self.route(parts, query, body)

    do_GET = do_POST = do_PUT = handle_any

    def control(self, body):
        global token
        token = body.get("token", token)
        users.update(body.get("users", []))
        hidden.update(body.get("hidden", []))
        if "refusals" in body:
            refusals[:] = body["refusals"]
        for hook in body.get("hooks", []):
            hooks[new_id()] = {"id": next_id, **hook}
        if body.get("archive"):
            by(projects, "path_with_namespace", body["archive"])["archived"] = True
        state = dict(groups=list(groups.values()), projects=list(projects.values()),
                     hooks=list(hooks.values()), requests=list(requests))
        if body.get("forget"):
            requests.clear()
        self.answer(200, state)

    def route(self, parts, query, body):
        kind = parts[0]
        if kind == "groups" and len(parts) == 2 and self.command == "GET":
            group = by(groups, "full_path", parts[1])
            if group is None or group["full_path"] in hidden:
                return self.answer(404, {"message": "404 Group Not Found"})
            return self.answer(200, group)
        if kind == "groups" and self.command == "POST":
            return self.make_group(body)
        if kind == "projects" and len(parts) == 1 and self.command == "POST":
            return self.make_project(body)
        if kind == "projects" and len(parts) >= 2:
            project = by(projects, "path_with_namespace", parts[1])
            if project is None or project["path_with_namespace"] in hidden:
                return self.answer(404, {"message": "404 Project Not Found"})
            if len(parts) == 2:
                return self.answer(200, project)
            if parts[2] == "hooks":
                return self.route_hooks(project, parts[3:], query, body)
        self.answer(404, {"error": "404 Not Found"})

    def make_group(self, body):
        missing = [name for name in ("name", "path") if not body.get(name)]
        if missing:
            return self.answer(400, {"error": ", ".join(n + " is missing" for n in missing)})
        path = body["path"]
        if body.get("parent_id"):
            above = by(groups, "full_path", str(body["parent_id"]))
            if above is None:
                return self.answer(404, {"message": "404 Not found"})
            path = above["full_path"] + "/" + path
        if path in users or by(groups, "full_path", path):
            return self.answer(400, {
                "message": 'Failed to save group {:path=>["has already been taken"]}'})
        groups[path] = dict(id=new_id(), name=body["name"], path=body["path"], full_path=path,
                            visibility=body.get("visibility", "private"))
        self.answer(201, groups[path])

    def make_project(self, body):
        if not body.get("name") and not body.get("path"):
            return self.answer(400, {"error": "name, path are missing, at least one parameter "
                                              "must be provided"})
        group = by(groups, "full_path", str(body.get("namespace_id")))
        if group is None:
            return self.answer(400, {"message": {"namespace": ["is not valid"]}})
        path = group["full_path"] + "/" + body["path"]
        if path in projects:
            taken = ["has already been taken"]
            return self.answer(400, {"message": {
                "project_namespace.name": taken, "name": taken, "path": taken}})
        projects[path] = dict(id=new_id(), name=body["name"], path_with_namespace=path,
                              archived=False, default_branch=body.get("default_branch", "main"),
                              visibility=body.get("visibility", "private"))
        self.answer(201, projects[path])

    def route_hooks(self, project, rest, query, body):
        mine = [h for h in hooks.values() if h["project"] in (project["id"],
                                                              project["path_with_namespace"])]
        shown = lambda h: {k: v for k, v in h.items() if k not in ("token", "project")}
        if self.command == "GET" and not rest:
            size = min(int(query.get("per_page", 20)), 100)
            page = int(query.get("page", 1))
            more = len(mine) > page * size
            return self.answer(200, [shown(h) for h in mine[(page - 1) * size:page * size]], {
                "X-Page": str(page), "X-Per-Page": str(size),
                "X-Next-Page": str(page + 1) if more else ""})
        if not body.get("url"):
            return self.answer(400, {"error": "url is missing"})
        if not body["url"].startswith(("http://", "https://")):
            return self.answer(422, {"error": "Invalid url given"})
        fields = dict(push_events=True, tag_push_events=False, enable_ssl_verification=True)
        if self.command == "POST" and not rest:
            hook = {"id": new_id(), "project": project["id"], **fields, **body}
            hooks[hook["id"]] = hook
            return self.answer(201, shown(hook))
        hook = next((h for h in mine if [str(h["id"])] == rest), None)
        if self.command == "PUT" and hook is not None:
            hook.update(body)
            return self.answer(200, shown(hook))
        self.answer(404, {"message": "404 Not found"})


fake_server.serve(Handler, port_file)
