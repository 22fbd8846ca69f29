#!/usr/bin/env python3
"""A small Git server with the interface of Gitea, as far as aibuild uses it: repositories by HTTP
(git-http-backend), signed reports of pushes, and statuses of commits. For demos and tests; anybody
who reaches it may push.

    git-server.py PORT-FILE FOLDER HOOK-FILE SECRET TOKEN

It serves on a free port of loopback and writes it to PORT-FILE. HOOK-FILE has the address to which
pushes are reported, and is read at each push. Repositories are made by the first push. Statuses:
GET /api/v1/repos/OWNER/NAME/statuses/COMMIT
"""
import hashlib
import hmac
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import urllib.request
import uuid

port_file, folder, hook_file, secret, token = sys.argv[1:6]
statuses = {}
lock = threading.Lock()
ZERO = "0" * 40


def refs(repository):
    listed = subprocess.run(
        ["git", "-C", repository, "for-each-ref", "--format=%(objectname) %(refname)"],
        capture_output=True, text=True, check=True).stdout
    return {name: commit for commit, name in (line.split() for line in listed.splitlines())}


def report(name, ref, before, after):
    message = subprocess.run(
        ["git", "-C", f"{folder}/{name}.git", "log", "-1", "--format=%B", after],
        capture_output=True, text=True).stdout
    body = json.dumps({
        "ref": ref, "before": before, "after": after,
        "head_commit": {"id": after, "message": message},
        "repository": {"full_name": name, "default_branch": "main"},
    }).encode()
    with open(hook_file) as file:
        hook = file.read().strip()
    request = urllib.request.Request(hook, body, {
        "Content-Type": "application/json", "X-Gitea-Event": "push",
        "X-Gitea-Delivery": str(uuid.uuid4()),
        "X-Gitea-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    })
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            print(f"reported {ref} of {name}: {answer.read().decode()}", flush=True)
    except OSError as error:
        print(f"cannot report {ref} of {name}: {error}", flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def status(self, match):
        name, commit = match.groups()
        with lock:
            known = statuses.setdefault((name, commit), [])
            if self.command == "POST":
                body = self.body()
                if self.headers.get("Authorization") not in (f"token {token}", f"Bearer {token}"):
                    return self.answer(401, b'{"message":"token is required"}')
                known.append(json.loads(body))
            return self.answer(
                201 if self.command == "POST" else 200, json.dumps(known).encode(),
                [("Content-Type", "application/json")])

    def handle_request(self):
        path, _, query = self.path.partition("?")
        if match := re.fullmatch(r"/api/v1/repos/([\w.-]+/[\w.-]+)/statuses/([0-9a-f]+)", path):
            return self.status(match)
        match = re.fullmatch(r"/([\w-][\w.-]*/[\w-][\w.-]*)\.git(/[\w./-]*)", path)
        if not match or ".." in path:
            return self.answer(404, b"not found\n")
        name = match[1]
        repository = f"{folder}/{name}.git"
        body = self.body()
        with lock:
            if not os.path.exists(repository):
                subprocess.run(
                    ["git", "init", "-q", "--bare", "-b", "main", repository], check=True)
                subprocess.run(
                    ["git", "-C", repository, "config", "http.receivepack", "true"], check=True)
        isPush = path.endswith("/git-receive-pack")
        before = refs(repository) if isPush else {}
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=folder, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
            QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_ADDR=self.client_address[0],
            CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))
        ran = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=environment)
        head, _, rest = ran.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(value[:3]) for key, value in headers if key == "Status"), 200)
        self.answer(status, rest, [pair for pair in headers if pair[0] != "Status"])
        if isPush:
            after = refs(repository)
            for ref in sorted(before.keys() | after.keys()):
                old, new = before.get(ref, ZERO), after.get(ref, ZERO)
                if old != new:
                    report(name, ref, old, new)

    do_GET = do_POST = handle_request


os.makedirs(folder, exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
