"""The rows about signing in: what judging a token costs, and what a sign-in costs others."""
import http.client
import json
import statistics
import threading
import time

ROUNDS = 5
REQUESTS = 3000
TOKENS = 90
SIGN_INS = 200
PASSWORD = "correct horse battery"
# A route that anybody may read, with `anonymous: viewer`.
ROUTE = "/api/v1/version"
SETTINGS = "  anonymous: viewer"
# Prints ten lines a second until it is cancelled.
TALKER = ["sh", "-c", "while echo a line; do sleep 0.1; done"]


class Access:
    """The users of a farm."""

    def __init__(self, farm):
        self.farm = farm

    def add_users(self, names):
        for name in names:
            self.farm.call("PUT", "/api/v1/users/" + name, {
                "isNew": True, "role": "operator", "password": PASSWORD})

    def sign_in(self, name):
        return self.farm.call(
            "POST", "/api/v1/sign-in", {"name": name, "password": PASSWORD})["token"]

    def fill(self, token):
        """As many tokens as a team has."""
        for number in range(TOKENS):
            self.farm.call("POST", "/api/v1/tokens", {"name": "t%d" % number}, token)

    def microseconds(self, token=None, count=REQUESTS):
        """The median of requests over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.farm.port, timeout=60)
        headers = {"Authorization": "Bearer " + token} if token else {}
        times = []
        for _ in range(count):
            start = time.perf_counter()
            connection.request("GET", ROUTE, headers=headers)
            answer = connection.getresponse()
            answer.read()
            times.append((time.perf_counter() - start) * 1e6)
            if answer.status != 200:
                raise SystemExit("%s: status %d" % (ROUTE, answer.status))
        connection.close()
        return statistics.median(times)

    def crowd(self, names):
        """Everybody signs in at once: the seconds until the last one is in."""
        start = time.monotonic()
        threads = [threading.Thread(target=self.sign_in, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - start


class Follower:
    """Sees the lines of a running build, and how long each took from the host."""

    def __init__(self, farm, build):
        self.farm, self.build, self.delays = farm, build, []
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()

    def follow(self):
        for name, data, _ in self.farm.events(self.build):
            now = time.time() * 1000
            if name == "log":
                self.delays += [now - line["t"] for line in map(json.loads, data)
                                if line.get("s") == "out"]

    def worst(self, since=0):
        """In ms, of the lines after the first `since`."""
        return max(self.delays[since:])

    def wait(self, count):
        limit = time.monotonic() + 60
        while len(self.delays) < count:
            if time.monotonic() > limit:
                raise SystemExit("the build's log stands still")
            time.sleep(0.05)
