#!/usr/bin/env python3
"""Measures aibuild and the tools that it replaces in one run, through the interfaces that people
use: the API, the live log, the published file. docs/performance.md explains the rows.

    make bench                    all rows: a table, and bench/results.json; fails if a figure
                                  misses its target
    make bench ONLY=pull.cold     one row (or several, separated by commas)

Rows: {"name","value","unit","yardstick":{"name","value"},"ratio","target","met"}.
Needs only Python's standard library; the farm is scripts/farm.sh, as in the demo.
"""
import http.client
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import access
import hooks
import logpage
from door import Door
from releases import (LARGE_BYTES, LINK_IMAGE_BYTES, SMALL_BYTES, UPLOAD_BYTES, UPLOAD_ROUNDS,
                      Cloud, Link, Releases, reset_peak)
from schedules import Schedules

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FARM = os.path.join(ROOT, ".demo", "bench")
NOOP_HOSTS = 8
NOOP_BUILDS = 400
BUILD_ROUNDS = 5
PULL_ROUNDS = 5
PULL_BYTES = 512 << 20
LOG_LINES = 2_000_000
FLOOD_BYTES = 1 << 30
MASKED_SECRETS = 4
MASKED_ROUNDS = 5
IDLE_SECONDS_LIMIT = 180


def shell(script, **more):
    """Runs a piece of bash that knows the farm's functions."""
    head = 'set -euo pipefail; . scripts/lib.sh; farm=%s; . scripts/farm.sh; ' % FARM
    return subprocess.run(["bash", "-c", head + script], cwd=ROOT, check=True, text=True, **more)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Farm:
    """A coordinator and its hosts, in processes of their own."""

    def __init__(self, hosts, slots=2, settings=None, api=""):
        """`settings` makes further lines of coordinator.yml, given the farm's folder; `api` are
        lines of its section `api`."""
        shutil.rmtree(FARM, ignore_errors=True)
        os.makedirs(FARM)
        self.port = free_port()
        self.hosts = {}
        for index in range(hosts):
            name = "host%d" % (index + 1)
            self.hosts[name] = free_port()
            shell("farm_host %s %d %d" % (name, self.hosts[name], slots))
        lines = settings(FARM) if settings else ""
        shell("farm_settings=$SETTINGS; farm_api=$API; farm_coordinator %d" % self.port,
              env=dict(os.environ, SETTINGS=lines, API=api))
        user = subprocess.check_output(["id", "-un"], text=True).strip()
        for name, port in self.hosts.items():
            key = open("%s/%s/host_key.pub" % (FARM, name)).read().split()
            self.call("POST", "/api/v1/hosts", {
                "name": name, "address": "%s@127.0.0.1:%d" % (user, port),
                "hostKey": " ".join(key[:2])})
        self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shell("farm_stop")

    def wait_ready(self):
        """Until every host has been probed and taken in."""
        limit = time.monotonic() + IDLE_SECONDS_LIMIT
        while True:
            items = self.call("GET", "/api/v1/hosts")["items"]
            if all(host["state"] == "ready" for host in items):
                return
            if time.monotonic() > limit:
                raise SystemExit("hosts do not get ready: %s" % items)
            time.sleep(0.1)

    def login(self):
        """The token that the coordinator created when it started."""
        with open(FARM + "/coordinator/api.token") as file:
            return {"Authorization": "Bearer " + file.read().strip()}

    def call(self, method, path, body=None, token=None):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": "Bearer " + token} if token else self.login()
        if body is not None:
            headers["Content-Type"] = "application/json"
        link.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = link.getresponse()
        text = answer.read()
        link.close()
        if answer.status >= 400:
            raise SystemExit("%s %s: %d %s" % (method, path, answer.status, text))
        return json.loads(text) if text else None

    def register(self, name, template):
        self.call("POST", "/api/v1/guestos", {
            "name": name, "type": "linux", "template": {"kind": "folder", "path": template}})

    def submit(self, name):
        return self.call("POST", "/api/v1/builds", {"guestOS": name})["id"]

    def events(self, build):
        """Yields (event, lines of data, time of arrival) as a follower sees them."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        link.request("GET", "/api/v1/builds/%s/events" % build, headers=self.login())
        answer = link.getresponse()
        name, data = "", []
        for line in answer:
            if line == b"\n":
                if name:
                    yield name, data, time.monotonic()
                name, data = "", []
            elif line.startswith(b"event: "):
                name = line[7:-1].decode()
            elif line.startswith(b"data: "):
                data.append(line[6:])

    def passed(self, build):
        """Waits for the end and returns the build; anything but passed ends the bench."""
        for name, data, _ in self.events(build):
            if name == "end":
                ended = json.loads(data[0])
                if ended["state"] != "passed":
                    raise SystemExit("build %s: %s" % (ended["state"], ended.get("fault")))
                return ended
        raise SystemExit("the events of build %s ended early" % build)

    def process(self, name):
        return int(open("%s/pid/%s" % (FARM, name)).read().split()[0])

    def ssh(self, host, *more):
        user = subprocess.check_output(["id", "-un"], text=True).strip()
        return ["-i", FARM + "/plain_key", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-F", "none",
                *more], "%s@127.0.0.1" % user, str(self.hosts[host])

    def allow_plain_key(self, host):
        """A second key without a forced command, for the yardsticks over the same sshd."""
        if not os.path.exists(FARM + "/plain_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            FARM + "/plain_key"], check=True)
        with open("%s/%s/authorized_keys" % (FARM, host), "a") as keys:
            keys.write(open(FARM + "/plain_key.pub").read())


def peak_rss_mb(pid):
    return int(status(pid, "VmHWM")) / 1024


def rss_mb(pid):
    return int(status(pid, "VmRSS")) / 1024


def status(pid, field):
    for line in open("/proc/%d/status" % pid):
        if line.startswith(field + ":"):
            return line.split()[1]
    return 0


def template(name, command, **more):
    folder = "%s/template-%s" % (FARM, name)
    os.makedirs(folder)
    with open(folder + "/aibuild.yml", "w") as out:
        # Most of them only print.
        json.dump({"builder": "command", "command": command, "image": "none",
                   "requirements": {"memory": "64MiB", "disk": "64MiB"}, **more}, out)
    return folder


def row(name, value, unit, yardstick, ratio, target, met):
    return {"name": name, "value": round(value, 3), "unit": unit,
            "yardstick": yardstick and {"name": yardstick[0], "value": round(yardstick[1], 3)},
            "ratio": ratio and round(ratio, 3), "target": target, "met": bool(met)}


def bench_build():
    """The same template, by aibuild from submission to published image and by bare packer."""
    folder = FARM + "/../bench-mini-linux"
    path = subprocess.check_output(
        [ROOT + "/examples/mini-linux/prepare.sh", os.path.abspath(folder)], text=True).strip()
    # Bare packer tests nothing: neither does the build that is compared with it.
    with open(path + "/aibuild.yml") as file:
        untested = file.read().split("\ntests:")[0] + "\n"
    with open(path + "/aibuild.yml", "w") as file:
        file.write(untested)
    ours, bare = [], []
    with Farm(1) as farm:
        farm.register("mini-linux", path)
        # Both kinds once unmeasured, so that the page cache is warm for both.
        for round_ in range(BUILD_ROUNDS + 1):
            began = time.monotonic()
            farm.passed(farm.submit("mini-linux"))
            ours.append(time.monotonic() - began)
            bare.append(bare_packer(path, round_))
    ours, bare = statistics.median(ours[1:]), statistics.median(bare[1:])
    ratio = ours / bare
    return [row("build.overhead", ours, "s", ("packer build", bare), ratio,
                "<= 1.05 x bare packer", ratio <= 1.05)]


def bare_packer(path, round_):
    work = "%s/bare-%d" % (FARM, round_)
    shutil.copytree(path, work)
    iso = os.path.abspath(FARM + "/../bench-mini-linux/mini-linux.iso")
    with open(work + "/vars.json", "w") as out:
        json.dump({"outdir": work + "/out", "vmname": "bare.qcow2", "isourl": iso,
                   "isochecksum": "none", "accelerator": "tcg", "cpus": "1",
                   "memory_mb": "512"}, out)
    command = ["packer", "build", "-machine-readable", "-var-file=vars.json",
               "mini-linuxx86_64.json"]
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "PACKER_CACHE_DIR": work + "/cache"}
    began = time.monotonic()
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    took = time.monotonic() - began
    if done.returncode != 0:
        raise SystemExit("bare packer failed: " + done.stdout[-3000:])
    return took


def bench_pull():
    """One large artifact from a host into the web root, verified and durable, against scp and
    rsync of the same file over the same sshd."""
    ours, scp, rsync = [], [], []
    with Farm(1) as farm:
        farm.allow_plain_key("host1")
        os.makedirs(FARM + "/shared", exist_ok=True)
        big = FARM + "/shared/big.raw"
        subprocess.run(["dd", "if=/dev/urandom", "of=" + big, "bs=1M",
                        "count=%d" % (PULL_BYTES >> 20), "status=none"], check=True)
        folder = template("big", ["./copy.sh"], requirements={"memory": "64MiB", "disk": "1GiB"})
        with open(folder + "/copy.sh", "w") as out:
            out.write("#!/bin/sh\nexec cp '%s' \"$AIBUILD_OUTPUT/big.raw\"\n" % big)
        os.chmod(folder + "/copy.sh", 0o755)
        farm.register("big", folder)
        for round_ in range(PULL_ROUNDS):
            ours.append(pull_seconds(farm, farm.submit("big")))
            scp.append(copy_seconds(farm, "scp", big, round_))
            rsync.append(copy_seconds(farm, "rsync", big, round_))
    rate = [(PULL_BYTES >> 20) / statistics.median(times) for times in (ours, scp, rsync)]
    ratio = rate[0] / rate[1]
    return [row("pull.cold", rate[0], "MiB/s", ("scp", rate[1]), ratio, ">= 1.0 x scp",
                ratio >= 1.0),
            row("pull.cold.rsync", rate[0], "MiB/s", ("rsync", rate[2]), rate[0] / rate[2],
                "for comparison", True)]


def pull_seconds(farm, build):
    """From `collecting` to `publishing`, which comes when the file is verified and synced."""
    began = None
    for name, data, at in farm.events(build):
        if name not in ("state", "end"):
            continue
        state = json.loads(data[0])["state"]
        if state == "collecting" and began is None:
            began = at
        if state in ("publishing", "passed") and began is not None:
            return at - began
        if state == "failed":
            raise SystemExit("pull failed: %s" % data)
    raise SystemExit("no pull was seen")


def copy_seconds(farm, program, big, round_):
    options, place, port = farm.ssh("host1")
    target = "%s/copy-%s-%d" % (FARM, program, round_)
    if program == "scp":
        command = ["scp", "-q", *options, "-P", port, "%s:%s" % (place, big), target]
    else:
        command = ["rsync", "-W", "-e", "ssh -p %s %s" % (port, " ".join(options)),
                   "%s:%s" % (place, big), target]
    began = time.monotonic()
    subprocess.run(command, check=True)
    took = time.monotonic() - began
    os.remove(target)
    return took


def lines_per_second(farm, name):
    """Of a build that prints LOG_LINES, as a follower of the API sees them."""
    first = last = None
    seen = 0
    for event, data, at in farm.events(farm.submit(name)):
        if event == "log":
            first = first or at
            last = at
            seen += sum(1 for line in data if b'"s":"out"' in line)
    # A line whose end comes late is delivered in two pieces.
    if not LOG_LINES <= seen < LOG_LINES + 100:
        raise SystemExit("the follower saw %d of %d lines" % (seen, LOG_LINES))
    return seen / (last - first)


def bench_masking():
    """The same log of a build that has secrets, and of one that has none."""
    command = ["seq", "-f", "line %.0f of the build's own output", "1", str(LOG_LINES)]
    with Farm(1) as farm:
        for number in range(MASKED_SECRETS):
            farm.call("PUT", "/api/v1/secrets/s%d" % number, {
                "isNew": True, "value": secrets.token_urlsafe(24), "guestOSes": ["masked"]})
        farm.register("open", template("open", command, limits={"log": "1GiB"}))
        farm.register("masked", template("masked", command, limits={"log": "1GiB"}, environment={
            "S%d" % number: {"secret": "s%d" % number} for number in range(MASKED_SECRETS)}))
        rates = {"open": [], "masked": []}
        for _ in range(MASKED_ROUNDS):
            for name in rates:
                rates[name].append(lines_per_second(farm, name))
    few, many = (statistics.median(rates[name]) for name in ("open", "masked"))
    return [row("log.masked", many, "lines/s", ("the same log without secrets", few), many / few,
                ">= 0.95 x", many >= 0.95 * few)]


def bench_log():
    """Lines that a build prints, until a follower of the API has them; memory meanwhile."""
    with Farm(1) as farm:
        folder = template("chatty", ["seq", "-f", "line %.0f of the build's own output", "1",
                                     str(LOG_LINES)], limits={"log": "1GiB"})
        farm.register("chatty", folder)
        pipe = subprocess.Popen(["seq", "-f", "line %.0f of the build's own output", "1",
                                 str(LOG_LINES)], stdout=subprocess.PIPE)
        began = time.monotonic()
        count = sum(1 for _ in pipe.stdout)
        plain = count / (time.monotonic() - began)
        rate = lines_per_second(farm, "chatty")
        peak = peak_rss_mb(farm.process("coordinator"))
        agent = peak_rss_mb(farm.process("host1-agent"))
    return [row("log.lines_per_second", rate, "lines/s", ("the same program into a pipe", plain),
                rate / plain, ">= 50000", rate >= 50000),
            row("rss.coordinator", peak, "MB", ("agent, same log", agent), None,
                "< 150 while the log streams", peak < 150)]


def bench_log_page():
    """A log of a million lines on the page of its build, in Chromium; and five hundred who follow
    a build that prints."""
    with Farm(1) as farm:
        text = "line %.0f of the build's own output, as long as such lines usually are"
        farm.register("million", template("million", [
            "seq", "-f", text, "1", str(logpage.LINES)], limits={"log": "1GiB"}))
        farm.register("talker", template("talker", access.TALKER))
        build = farm.submit("million")
        farm.passed(build)
        url = "http://127.0.0.1:%d/builds/%s" % (farm.port, build)
        browser = logpage.Browser(free_port(), farm.login())
        try:
            browser.open("about:blank")
            empty = browser.tab_mb()
            cold = browser.open_milliseconds(url + "#L500000")
            times = [browser.open_milliseconds(url + place)
                     for _ in range(logpage.OPEN_ROUNDS) for place in logpage.PLACES]
            rate, longest, most = logpage.scrolling(browser)
            memory = browser.tab_mb()
        finally:
            browser.close()
        began = time.monotonic()
        found = farm.call("GET", "/api/v1/builds/%s/log/search?q=line+999999+of" % build)
        search = (time.monotonic() - began) * 1000
        if found["total"] != 1 or not found["isComplete"]:
            raise SystemExit("the search found %s" % found)
        talker = farm.submit("talker")
        access.Follower(farm, talker).wait(5)
        pid = farm.process("coordinator")
        alone = rss_mb(pid)
        reset_peak(pid)
        followers = logpage.Followers(farm, talker)
        told = followers.read(10)
        peak = peak_rss_mb(pid)
        followers.close()
        farm.call("POST", "/api/v1/builds/%s/cancel" % talker)
    worst = max(times)
    return [row("log.page.open", statistics.median(times), "ms", None, None, "-", True),
            row("log.page.open.worst", worst, "ms", None, None, "<= 200 at any place", worst <= 200),
            row("log.page.open.first", cold, "ms", None, None, "-", True),
            row("log.page.scroll", rate, "frames/s", None, None, ">= 58 of 60", rate >= 58),
            row("log.page.scroll.longest", longest, "ms", None, None, "-", True),
            row("log.page.lines", most, "lines", None, None, "<= 2000 in the page", most <= 2000),
            row("log.page.memory", memory, "MB", ("an empty page", empty), memory / empty, "< 150",
                memory < 150),
            row("log.search", search, "ms", None, None, "-", True),
            row("log.followers", peak, "MB", ("before they came", alone), peak / alone,
                "< 200 with %d" % logpage.FOLLOWERS,
                peak < 200 and told == logpage.FOLLOWERS)]


def bench_flood():
    """A build that prints 1 GiB under the default limit of logs: the most memory that any process
    has meanwhile, beside what the same ones need for a build that prints a line."""
    with Farm(1) as farm:
        farm.register("quiet", template("quiet", ["sh", "-c", "sleep 1; echo a line"]))
        farm.register("flood", template("flood", [
            "sh", "-c", "yes '%s' | head -c %d" % ("a line that says it again " * 4, FLOOD_BYTES)]))
        peaks = {}
        for name in "quiet", "flood":
            build = farm.submit(name)
            peaks[name] = {}
            while True:
                for role, peak in agents_peak_rss_mb(farm).items():
                    peaks[name][role] = max(peak, peaks[name].get(role, 0))
                if farm.call("GET", "/api/v1/builds/" + build)["state"] in ("passed", "failed"):
                    break
                time.sleep(0.05)
            farm.passed(build)
    rows = []
    for role in "coordinator", "daemon", "supervise":
        few, many = peaks["quiet"][role], peaks["flood"][role]
        rows.append(row("rss.flood." + role, many, "MB", ("a build that prints a line", few),
                        many / few, "< 150 at 1 GiB of log", many < 150))
    return rows


def agents_peak_rss_mb(farm):
    """By role; the supervisors are only there while their builds run."""
    peaks = {"coordinator": peak_rss_mb(farm.process("coordinator"))}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open("/proc/%s/cmdline" % pid).read().split("\0")
            if words[1] in ("daemon", "supervise") and FARM in " ".join(words):
                peaks[words[1]] = max(peaks.get(words[1], 0), peak_rss_mb(int(pid)))
        except (OSError, IndexError):
            continue
    return peaks


def bench_noop():
    """Builds that do nothing, every durable step taken, over eight hosts; and idle memory."""
    with Farm(NOOP_HOSTS, slots=4) as farm:
        farm.register("noop", template("noop", ["true"]))
        farm.passed(farm.submit("noop"))
        idle = max(rss_mb(farm.process("host%d-agent" % (i + 1))) for i in range(NOOP_HOSTS))
        farm.allow_plain_key("host1")
        plain = ssh_rate(farm)
        began = time.monotonic()
        builds = submit_many(farm, NOOP_BUILDS)
        for build in builds:
            farm.passed(build)
        rate = NOOP_BUILDS / (time.monotonic() - began)
    return [row("dispatch.noop_per_second", rate, "builds/s",
                ("ssh host true, one multiplexed connection", plain), rate / plain, ">= 50",
                rate >= 50),
            row("rss.agent", idle, "MB", None, None, "< 40 idle", idle < 40)]


def submit_many(farm, count):
    builds, lock = [], threading.Lock()

    def work(share):
        for _ in range(share):
            build = farm.submit("noop")
            with lock:
                builds.append(build)
    workers = [threading.Thread(target=work, args=(count // 4,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return builds


def ssh_rate(farm, count=200):
    options, place, port = farm.ssh("host1", "-o", "ControlPath=%s/mux" % FARM)
    base = ["ssh", *options, "-p", port]
    master = subprocess.Popen([*base, "-M", "-N", place])
    try:
        while subprocess.run([*base, "-O", "check", place], capture_output=True).returncode:
            if master.poll() is not None:
                raise SystemExit("the multiplexed ssh did not start")
            time.sleep(0.05)
        began = time.monotonic()
        for _ in range(count):
            subprocess.run([*base, place, "true"], check=True)
        return count / (time.monotonic() - began)
    finally:
        master.terminate()
        master.wait()


def bench_upload():
    """One image from the web root into Glance, against curl -T of the same file."""
    ours, curl = [], []
    with Farm(1) as farm, Cloud(ROOT, FARM, free_port) as cloud:
        releases = Releases(farm, cloud)
        releases.environment("cloud")
        build = releases.build("big", template, "head -c %d /dev/urandom >$AIBUILD_OUTPUT/big.raw"
                               % UPLOAD_BYTES)
        path = "%s/web/%s" % (FARM, build["image"]["path"])
        for _ in range(UPLOAD_ROUNDS):
            curl.append(cloud.curl_seconds(path))
            releases.seconds(build, ["cloud"])
            ours.append(cloud.upload_seconds())
    rate = [(UPLOAD_BYTES >> 20) / statistics.median(times) for times in (ours, curl)]
    ratio = rate[0] / rate[1]
    return [row("glance.upload", rate[0], "MiB/s", ("curl -T", rate[1]), ratio,
                ">= 0.9 x curl -T", ratio >= 0.9)]


def bench_environments():
    """One image to four environments at once, each behind a link of 10 MB/s, against one."""
    with Farm(1) as farm, Cloud(ROOT, FARM, free_port) as cloud:
        releases = Releases(farm, cloud)
        names = ["one", "two", "three", "four"]
        for name in names:
            cloud.add_place(name, Link(cloud.port).url)
            releases.environment(name, region=name, project=name)
        build = releases.build("linked", template,
                               "head -c %d /dev/urandom >$AIBUILD_OUTPUT/linked.raw"
                               % LINK_IMAGE_BYTES)
        one = releases.seconds(build, names[:1])
        four = releases.seconds(build, names)
    ratio = four / one
    return [row("release.four_environments", four, "s", ("one of them", one), ratio,
                "< 1.25 x one", ratio < 1.25)]


def bench_release_memory():
    """The coordinator's memory while it releases a small image, a large one, and the large one as
    raw from a qcow2 that is almost empty."""
    with Farm(1) as farm, Cloud(ROOT, FARM, free_port) as cloud:
        releases = Releases(farm, cloud)
        releases.environment("plain")
        releases.environment("raw", format="raw")
        peaks = {}
        for name, size, environment, make in (
                ("small", SMALL_BYTES, "plain", "head -c %d /dev/urandom >disk"),
                ("large", LARGE_BYTES, "plain", "head -c %d /dev/urandom >disk"),
                ("sparse", LARGE_BYTES, "raw",
                 "truncate -s %d raw; qemu-img convert -f raw -O qcow2 raw disk")):
            suffix = "qcow2" if name == "sparse" else "raw"
            build = releases.build(name, template, (make % size)
                                   + "\nmv disk $AIBUILD_OUTPUT/disk." + suffix)
            pid = farm.process("coordinator")
            reset_peak(pid)
            releases.seconds(build, [environment])
            peaks[name] = peak_rss_mb(pid)
    value = max(peaks["large"], peaks["sparse"])
    return [row("rss.release", value, "MB", ("an image of a sixteenth", peaks["small"]),
                value / peaks["small"], "< 32 MB more than a small one",
                value < peaks["small"] + 32)]


def bench_door():
    """Requests of others while strangers hold connections that are silent, trickle or do not
    read."""
    with Door(ROOT + "/.build/release/aibuild-coordinator", free_port()) as door:
        alone = door.milliseconds()
        door.hold()
        beside = door.milliseconds()
    names = ("door.latency", "door.latency.p99")
    return [row(name, ours, "ms", ("alone", before), ours / before, "< 2",
                ours < 2 * before) for name, ours, before in zip(names, beside, alone)]


def bench_access():
    """The same request signed and not, a sign-in, and the log of a running build while two hundred
    people sign in."""
    with Farm(1, api=access.SETTINGS) as farm:
        users = access.Access(farm)
        names = ["u%d" % number for number in range(access.SIGN_INS)]
        users.add_users(names)
        token = users.sign_in(names[0])
        users.fill(token)
        rounds = [(users.microseconds(), users.microseconds(token)) for _ in range(access.ROUNDS)]
        more = statistics.median(signed - plain for plain, signed in rounds)
        plain = statistics.median(plain for plain, _ in rounds)
        start = time.monotonic()
        users.sign_in(names[1])
        sign_in = (time.monotonic() - start) * 1000
        farm.register("talker", template("talker", access.TALKER))
        build = farm.submit("talker")
        follower = access.Follower(farm, build)
        follower.wait(50)
        alone, seen = follower.worst(), len(follower.delays)
        seconds = users.crowd(names)
        follower.wait(seen + 1)
        beside = follower.worst(seen)
        farm.call("POST", "/api/v1/builds/%s/cancel" % build)
        follower.thread.join()
    return [row("access.check", more, "us more", ("the same request unsigned", plain),
                (plain + more) / plain, "<= 50", more <= 50),
            row("access.sign_in", sign_in, "ms", None, None, ">= 150 of work", sign_in >= 150),
            row("access.crowd", seconds, "s for 200", None, None, "-", True),
            row("access.crowd.log", beside, "ms", ("alone", alone), beside / alone,
                "<= 1000", beside <= 1000)]


def bench_hooks():
    """Reports of pushes at a steady rate while builds run, and a push to a large repository until
    its build is queued."""
    with Farm(1, settings=hooks.settings) as farm:
        repository = hooks.Repository(FARM)
        farm.call("POST", "/api/v1/guestos", {
            "name": "busy", "type": "linux",
            "template": {"kind": "git", "url": repository.url, "ref": "main"}})
        for _ in range(2):
            farm.submit("busy")
        median, p99 = hooks.answers(farm.port, "c0ffee")
        plain, plain_p99 = hooks.requests(farm.port)
        worst, usual, fetch = hooks.queued(farm, repository)
    return [row("hook.answer", median, "ms", ("/healthz", plain), median / plain, "-", True),
            row("hook.answer.p99", p99, "ms", ("/healthz", plain_p99), p99 / plain_p99,
                "<= 50 ms", p99 <= 50),
            row("hook.queued", usual, "s", ("git fetch", fetch), usual / fetch, "-", True),
            row("hook.queued.worst", worst, "s", ("git fetch", fetch), worst / fetch, "<= 1 s",
                worst <= 1)]


def bench_schedules():
    """Ten thousand schedules of which none is due."""
    with Schedules(ROOT + "/.build/release/aibuild-coordinator", free_port()) as farm:
        percent = farm.percent_of_a_core()
    return [row("schedules.idle", percent, "%", None, None, "< 1 of a core", percent < 1)]


BENCHES = {"build.overhead": bench_build, "pull.cold": bench_pull,
           "log.lines_per_second": bench_log, "log.masked": bench_masking,
           "log.page.open": bench_log_page,
           "dispatch.noop_per_second": bench_noop,
           "rss.coordinator": bench_log, "rss.flood": bench_flood, "rss.agent": bench_noop,
           "glance.upload": bench_upload, "release.four_environments": bench_environments,
           "rss.release": bench_release_memory, "door.latency": bench_door,
           "access.check": bench_access, "hook.answer": bench_hooks, "schedules.idle": bench_schedules}


def main():
    if sys.argv[1:]:
        raise SystemExit("bench.py takes no arguments; ONLY=ROW,ROW chooses rows: %s"
                         % ", ".join(BENCHES))
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name] or list(BENCHES)
    unknown = [name for name in wanted if name not in BENCHES]
    if unknown:
        raise SystemExit("no such row: %s; there are %s" % (
            ", ".join(unknown), ", ".join(BENCHES)))
    rows = []
    for bench in dict.fromkeys(BENCHES[name] for name in wanted):
        print("· " + " ".join(bench.__doc__.split()), file=sys.stderr, flush=True)
        rows += bench()
    with open(ROOT + "/bench/results.json", "w") as out:
        json.dump(rows, out, indent=2)
        out.write("\n")
    print("%-26s %12s %-9s %-44s %7s  %-28s" % (
        "figure", "value", "unit", "yardstick (same run)", "ratio", "target"))
    for each in rows:
        yardstick = each["yardstick"]
        print("%-26s %12.2f %-9s %-44s %7s  %-28s %s" % (
            each["name"], each["value"], each["unit"],
            yardstick and "%s: %.2f" % (yardstick["name"], yardstick["value"]) or "",
            each["ratio"] or "", each["target"], "met" if each["met"] else "MISSED"))
    sys.exit(0 if all(each["met"] for each in rows) else 1)


if __name__ == "__main__":
    main()
