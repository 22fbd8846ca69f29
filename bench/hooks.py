"""The rows about hooks: how long a Git server waits for its answer, and how soon a push is queued."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import statistics
import subprocess
import time

SECRET = "a-secret-of-the-benchmark"
DELIVERIES = 2000
RATE = 100
REPOSITORY_COMMITS = 50_000
PUSHES = 10
QUEUED_SECONDS_LIMIT = 60

TEMPLATE = """builder: command
command: [./build]
triggers: {supersede: true}
"""
# Runs as long as the deliveries do, and writes a log meanwhile.
BUSY = """#!/bin/sh
for i in $(seq 600); do seq 200; sleep 0.1; done
"""


def settings(folder):
    with open(folder + "/hook.secret", "w") as file:
        file.write(SECRET)
    return "hooks: {bench: {type: signed, secret_file: %s/hook.secret}}" % folder


def git(*arguments, **more):
    return subprocess.run(["git", *arguments], check=True, text=True, capture_output=True,
                          **more).stdout.strip()


class Repository:
    """A bare repository with many commits, and a clone to push from."""

    def __init__(self, folder):
        self.bare, self.work = folder + "/images.git", folder + "/images"
        git("init", "-q", "--bare", "-b", "main", self.bare)
        lines = []
        for mark in range(1, REPOSITORY_COMMITS + 1):
            text = "line %d\n" % mark
            message = "commit %d" % mark
            lines.append("commit refs/heads/main\nmark :%d\ncommitter b <b@b> %d +0000\n"
                         "data %d\n%s\n" % (mark, 1_700_000_000 + mark, len(message), message)
                         + ("from :%d\n" % (mark - 1) if mark > 1 else "")
                         + "M 100644 inline notes/%d\ndata %d\n%s\n"
                         % (mark % 500, len(text), text))
        git("-C", self.bare, "fast-import", "--quiet", input="".join(lines))
        git("clone", "-q", self.bare, self.work)
        for name, text in (("aibuild.yml", TEMPLATE), ("build", BUSY)):
            with open(self.work + "/" + name, "w") as file:
                file.write(text)
        os.chmod(self.work + "/build", 0o755)
        self.push("template")

    def push(self, message):
        with open(self.work + "/changed", "a") as file:
            file.write(message + "\n")
        git("-C", self.work, "add", "-A")
        git("-C", self.work, "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", message)
        git("-C", self.work, "push", "-q", "origin", "main")
        return git("-C", self.work, "rev-parse", "HEAD")

    @property
    def url(self):
        return "file://" + self.bare


class Hook:
    """Delivers signed reports over one connection, as a Git server does."""

    def __init__(self, port):
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.count = 0

    def deliver(self, project, commit):
        """Seconds until the answer, and the number of the delivery."""
        body = json.dumps({"project": project, "ref": "refs/heads/main", "commit": commit})
        self.count += 1
        key, now = "bench-%d" % self.count, str(int(time.time()))
        digest = hmac.new(SECRET.encode(), ("%s.%s.%s" % (key, now, body)).encode(),
                          hashlib.sha256).digest()
        began = time.perf_counter()
        self.link.request("POST", "/api/v1/hooks/bench", body, {
            "webhook-id": key, "webhook-timestamp": now,
            "webhook-signature": "v1," + base64.b64encode(digest).decode()})
        answer = self.link.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise SystemExit("a report was answered with %d %s" % (answer.status, text))
        return seconds, json.loads(text)["delivery"]


def answers(port, commit):
    """The median and the 99th percentile of the answers in milliseconds, at a steady rate."""
    hook, times, began = Hook(port), [], time.perf_counter()
    for number in range(DELIVERIES):
        wait = began + number / RATE - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        # Each is of another project, so that none stands for another.
        times.append(1000 * hook.deliver("file:///srv/%d.git" % number, commit)[0])
    times.sort()
    return statistics.median(times), times[len(times) * 99 // 100]


def requests(port):
    """The same of requests that store nothing."""
    link, times = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
    for _ in range(DELIVERIES):
        began = time.perf_counter()
        link.request("GET", "/healthz")
        link.getresponse().read()
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    return statistics.median(times), times[len(times) * 99 // 100]


def queued(farm, repository):
    """Seconds from a report to the queued build, and of `git fetch` of the same push."""
    hook, ours, theirs = Hook(farm.port), [], []
    hook.count = 1_000_000
    mirror = repository.bare + ".mirror"
    git("clone", "-q", "--mirror", repository.bare, mirror)
    for number in range(PUSHES):
        commit = repository.push("push %d" % number)
        began = time.perf_counter()
        git("-C", mirror, "fetch", "-q")
        theirs.append(time.perf_counter() - began)
        began = time.perf_counter()
        _, delivery = hook.deliver(repository.url, commit)
        while True:
            state = farm.call("GET", "/api/v1/deliveries/%d" % delivery)
            if state["state"] == "handled":
                break
            if state["state"] != "queued" or time.perf_counter() - began > QUEUED_SECONDS_LIMIT:
                raise SystemExit("the push was not built: %s" % state)
            time.sleep(0.005)
        ours.append(time.perf_counter() - began)
    return max(ours), statistics.median(ours), statistics.median(theirs)
