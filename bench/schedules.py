"""The row about schedules: what ten thousand of them cost while none is due."""
import json
import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

SCHEDULES = 10_000
# Longer than the pause between two templates that are read.
SECONDS = 60
START_SECONDS_LIMIT = 60


class Schedules:
    """A coordinator without hosts whose guest OSes are all built at the same hour, one each month.
    They are put into its database, because registering them would take longer than the rest."""

    def __init__(self, program, port):
        self.program, self.port = program, port
        self.folder = tempfile.mkdtemp(prefix="aibuild-schedules-")

    def __enter__(self):
        os.makedirs(self.folder + "/www")
        template = self.folder + "/template"
        os.makedirs(template)
        with open(template + "/aibuild.yml", "w") as out:
            json.dump({"builder": "command", "command": ["true"], "image": "none",
                       "schedule": {"cron": "0 3 1 1 *", "time_zone": "Europe/Berlin",
                                    "jitter": "24h"}}, out)
        with open(self.folder + "/coordinator.yml", "w") as out:
            out.write("state_folder: %s/state\nweb_root: %s/www\n"
                      "api: {listen: 127.0.0.1, port: %d}\n"
                      % (self.folder, self.folder, self.port))
        self.log = open(self.folder + "/log", "w")
        self.start()
        self.stop()
        self.fill(template)
        self.start()
        self.wait_for_schedules()
        return self

    def __exit__(self, *_):
        self.stop()
        self.log.close()

    def start(self):
        self.server = subprocess.Popen(
            [self.program, "--config", self.folder + "/coordinator.yml"],
            stdout=self.log, stderr=self.log)
        self.wait(lambda: self.request("/readyz") is not None)

    def stop(self):
        self.server.terminate()
        self.server.wait()

    def wait(self, condition):
        deadline = time.monotonic() + START_SECONDS_LIMIT
        while True:
            try:
                if condition():
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise SystemExit(open(self.folder + "/log").read())
            time.sleep(0.2)

    def request(self, path):
        with open(self.folder + "/state/api.token") as file:
            token = file.read().strip()
        request = urllib.request.Request(
            "http://127.0.0.1:%d%s" % (self.port, path),
            headers={"Authorization": "Bearer " + token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def fill(self, template):
        database = sqlite3.connect(self.folder + "/state/aibuild.sqlite")
        plan = {"schedule": {"cron": "0 3 1 1 *", "timeZone": "Europe/Berlin",
                             "jitterSeconds": 86400}, "parents": []}
        now = int(time.time() * 1000)
        for number in range(SCHEDULES):
            id = "%08d-0000-4000-8000-000000000000" % number
            database.execute(
                "INSERT INTO guestos (id, name, type, template, owner, created_ms, last_number) "
                "VALUES (?, ?, 'linux', ?, 'bench', ?, 0)",
                (id, "guest%d" % number, json.dumps({"kind": "folder", "path": template}), now))
            state = {"guestOSID": id, "revision": 1, "plan": plan, "parentBuilds": {},
                     "doneUntilMilliseconds": now}
            database.execute(
                "INSERT INTO trigger_state (id, revision, document) VALUES (?, 1, ?)",
                (id, json.dumps(state)))
        database.commit()
        database.close()

    def wait_for_schedules(self):
        self.wait(lambda: json.loads(self.request("/api/v1/schedules?limit=1"))["items"])

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.server.pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        with open("/proc/%d/status" % self.server.pid) as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def percent_of_a_core(self):
        time.sleep(5)  # what the start has begun
        before = self.cpu_seconds()
        time.sleep(SECONDS)
        return (self.cpu_seconds() - before) / SECONDS * 100

    def list_milliseconds(self):
        times = []
        for _ in range(10):
            began = time.monotonic()
            self.request("/api/v1/schedules?limit=100")
            times.append((time.monotonic() - began) * 1000)
        return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    import sys
    with Schedules(sys.argv[1], int(sys.argv[2])) as farm:
        print("%.3f %% of a core, %.1f MB, list %.1f ms"
              % (farm.percent_of_a_core(), farm.rss_mb(), farm.list_milliseconds()))
