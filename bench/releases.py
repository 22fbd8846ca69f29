"""The rows of releases: into a real Keystone and Glance on loopback, by the API that people use."""
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

UPLOAD_BYTES = 512 << 20
UPLOAD_ROUNDS = 3
LINK_BYTES_PER_SECOND = 10_000_000
LINK_SLACK_SECONDS = 0.05
# Guest images have 0.3 GB and more.
LINK_IMAGE_BYTES = 256_000_000
SMALL_BYTES = 64 << 20
LARGE_BYTES = 1 << 30
START_SECONDS_LIMIT = 300
DOMAIN = {"name": "Default"}


class Cloud:
    """Keystone and Glance, in processes that end with this one."""

    def __init__(self, root, folder, free_port):
        self.folder = folder + "/openstack"
        ports = [free_port() for _ in range(3)]
        self.keystone = "http://127.0.0.1:%d/v3" % ports[0]
        self.port = ports[1]
        self.glance = "http://127.0.0.1:%d" % ports[1]
        self.process = subprocess.Popen(
            [root + "/scripts/openstack.sh", self.folder, *map(str, ports)],
            stdin=subprocess.PIPE, env={**os.environ, "GLANCE_PROCESSES": "6", "REMOVE": "1"})

    def __enter__(self):
        limit = time.monotonic() + START_SECONDS_LIMIT
        while not os.path.exists(self.folder + "/ready"):
            if self.process.poll() is not None or time.monotonic() > limit:
                self.__exit__()
                raise SystemExit("Keystone and Glance do not start: see %s/log" % self.folder)
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, method, url, body=None, token=None):
        """The answer's headers and its body."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        data = json.dumps(body).encode() if body is not None else None
        asked = urllib.request.Request(url, data=data, headers=headers, method=method)
        with urllib.request.urlopen(asked, timeout=120) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None

    def token(self, user="releaser", project="release"):
        password = {"user": {"name": user, "domain": DOMAIN, "password": user + "-secret"}}
        headers, _ = self.ask("POST", self.keystone + "/auth/tokens", {"auth": {
            "identity": {"methods": ["password"], "password": password},
            "scope": {"project": {"name": project, "domain": DOMAIN}}}})
        return headers["X-Subject-Token"]

    def add_place(self, name, url):
        """A region whose Glance is at the address, and a project of the same name."""
        admin = self.token("admin", "admin")
        _, users = self.ask("GET", self.keystone + "/users?name=releaser", token=admin)
        _, roles = self.ask("GET", self.keystone + "/roles?name=member", token=admin)
        _, made = self.ask("POST", self.keystone + "/projects", {
            "project": {"name": name, "domain_id": "default"}}, admin)
        self.ask("PUT", "%s/projects/%s/users/%s/roles/%s" % (
            self.keystone, made["project"]["id"], users["users"][0]["id"],
            roles["roles"][0]["id"]), token=admin)
        _, services = self.ask("GET", self.keystone + "/services?type=image", token=admin)
        self.ask("POST", self.keystone + "/regions", {"region": {"id": name}}, admin)
        self.ask("POST", self.keystone + "/endpoints", {"endpoint": {
            "interface": "public", "region_id": name, "url": url,
            "service_id": services["services"][0]["id"]}}, admin)

    def upload_seconds(self):
        """How long Glance was given the newest file, by its own log: of both kinds of senders the
        same, and without the calls around it."""
        log = open(self.folder + "/log/glance1-uwsgi.log").read()
        took = re.findall(r"PUT /v2/images/[^/ ]+/file => .* in (\d+) msecs", log)
        return int(took[-1]) / 1000

    def curl_seconds(self, path):
        """The yardstick: the same file by `curl -T`, into an image that is there already."""
        token = self.token()
        _, image = self.ask("POST", self.glance + "/v2/images", {
            "name": "curl", "disk_format": "raw", "container_format": "bare"}, token)
        url = "%s/v2/images/%s" % (self.glance, image["id"])
        subprocess.run(
            ["curl", "-fsS", "-o", "/dev/null", "-T", path, "-H",
             "Content-Type: application/octet-stream", "-H", "@-", url + "/file"],
            input="X-Auth-Token: " + token, text=True, check=True)
        took = self.upload_seconds()
        self.ask("DELETE", url, token=token)
        return took


class Link:
    """A port before Glance through which so many bytes go up in a second, whoever sends them."""

    def __init__(self, port):
        self.server = port
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.lock = threading.Lock()
        self.free_at = 0.0
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.listener.getsockname()[1]

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.server))
            for one, other, slow in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.copy, args=(one, other, slow), daemon=True).start()

    def copy(self, one, other, slow):
        try:
            while True:
                data = one.recv(64 << 10)
                if not data:
                    break
                if slow:
                    self.wait(len(data))
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            one.close()
            other.close()

    def wait(self, count):
        """What is overslept is made up for, or the link would be slower than it says."""
        with self.lock:
            now = time.monotonic()
            self.free_at = (max(self.free_at, now - LINK_SLACK_SECONDS)
                            + count / LINK_BYTES_PER_SECOND)
            until = self.free_at
        time.sleep(max(0, until - now))


class Releases:
    """A farm with one host and a cloud beside it."""

    def __init__(self, farm, cloud):
        self.farm = farm
        self.cloud = cloud

    def environment(self, name, region="RegionOne", project="release", **more):
        self.farm.call("POST", "/api/v1/environments", {
            "name": name, "secret": "releaser-secret", "settings": {"openstack": {
                "authURL": self.cloud.keystone, "project": project, "username": "releaser",
                "region": region, "keep": 0, **more}}})

    def build(self, name, template, script):
        """A passed build whose image is what the script writes to $AIBUILD_OUTPUT."""
        folder = template(name, ["./make.sh"],
                          requirements={"memory": "64MiB", "disk": "3GiB"})
        with open(folder + "/make.sh", "w") as out:
            out.write("#!/bin/sh\nset -eu\n%s\n" % script)
        os.chmod(folder + "/make.sh", 0o755)
        self.farm.register(name, folder)
        return self.farm.passed(self.farm.submit(name))

    def seconds(self, build, environments):
        """From asking for the release until all of it is done, login and names included."""
        began = time.monotonic()
        items = self.farm.call("POST", "/api/v1/releases", {
            "build": build["id"], "environments": environments})["items"]
        waiting = {item["id"] for item in items}
        while waiting:
            for each in list(waiting):
                release = self.farm.call("GET", "/api/v1/releases/" + each)
                if release["state"] == "released":
                    waiting.remove(each)
                elif release["state"] in ("failed", "cancelled") or release.get("fault"):
                    raise SystemExit("a release failed: %s" % release)
            time.sleep(0.02)
        return time.monotonic() - began


def reset_peak(pid):
    """From here on VmHWM counts anew."""
    with open("/proc/%d/clear_refs" % pid, "w") as out:
        out.write("5")
